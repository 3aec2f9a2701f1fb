"""Who takes part and on which instances: a plan whose names have been found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nco import registry
from nco.benchmark.known import Known, best_known
from nco.benchmark.plan import PUBLISHED_SEEDS, Plan
from nco.core.capabilities import HasPublished
from nco.core.case import Case
from nco.core.errors import NCOError, did_you_mean
from nco.core.seeds import generator
from nco.registry import sources

OWN = (
    "nco",
    "nco-neural",
)  # our own, with and without a classical solver's help; both take ":MODEL"


@dataclass(frozen=True)
class Entrant:
    """A solver by name; `model` is None for a classical one."""

    name: str
    model: str | None
    classical: bool = True


@dataclass(frozen=True)
class Contest:
    """A plan whose instances and solvers have been found.

    Attributes:
        cases: name (unique within a problem) and instance, problem by problem.
        entrants: who takes part, problem by problem.
        known: best known objective values by (problem, name); None where the file has none.
        models: the networks that each entrant will use.
        origin: where the instances come from.
    """

    plan: Plan
    cases: list[tuple[str, Case]]
    entrants: dict[str, list[Entrant]]
    known: Known
    models: dict[str, list[str]]
    origin: str

    @property
    def limits(self) -> list[float | None]:
        """The time limits in seconds, each once; None: no limit."""
        return list(dict.fromkeys(self.plan.time_limits))

    @property
    def chilled(self) -> list[tuple[str, Case]]:
        """The first instances of each problem, which are also solved from a cold start."""
        groups: dict[str, list[tuple[str, Case]]] = {}
        for name, case in self.cases:
            groups.setdefault(case.problem, []).append((name, case))
        return [each for group in groups.values() for each in group[: self.plan.cold]]

    @property
    def runs(self) -> int:
        """How many there will be."""
        cases = [*self.cases, *self.chilled]
        return len(self.limits) * sum(len(self.entrants[case.problem]) for _, case in cases)


def prepare(plan: Plan) -> Contest:
    """Reads or generates the instances and finds the solvers; nothing is measured or written.

    Raises:
        NCOError: a solver, problem, file or best known value that is not there.
    """
    cases, origin = _from_files(plan) if plan.files else _from_problem(plan)
    problems = list(dict.fromkeys(case.problem for _, case in cases))
    asked = [_entrant(name) for name in dict.fromkeys(plan.solvers)]
    entrants = {
        problem: [entrant for entrant in asked if _serves(entrant, problem)] for problem in problems
    }
    if any(entrant.model is not None for entrant in asked):
        from nco.zoo.weights import check_device

        check_device(plan.device)
    for entrant in asked:
        if not any(entrant in each for each in entrants.values()):
            raise NCOError(_unknown(entrant, problems))
    known: Known = {}
    if plan.best_known is not None:
        known = best_known(Path(plan.best_known), cases)
    return Contest(plan, cases, entrants, known, _models(entrants, cases), origin)


def _from_files(plan: Plan) -> tuple[list[tuple[str, Case]], str]:
    read = [(path, sources.read(path, plan.problem)) for path in dict.fromkeys(plan.files)]
    read.sort(key=lambda item: item[1].problem)  # problem by problem, else in the given order
    keys = [(case.problem, Path(path).stem) for path, case in read]
    named = [
        (key[1] if keys.count(key) == 1 else str(path), case)
        for key, (path, case) in zip(keys, read, strict=True)
    ]
    return named, f"{len(named)} files"


def _from_problem(plan: Plan) -> tuple[list[tuple[str, Case]], str]:
    assert plan.problem is not None
    assert plan.size is not None  # or there are files
    kind = registry.folder(plan.problem).problem_class
    try:
        problem = kind(size=plan.size)
    except ValueError as error:
        raise NCOError(f"{plan.problem}: {error}") from error
    what = f"{plan.instances} of {plan.problem}, n = {plan.size}, seed {plan.seed}"
    if plan.seed in PUBLISHED_SEEDS and isinstance(problem, HasPublished):
        cases = problem.published(plan.size, plan.instances, plan.seed)
        return [(case.name, case) for case in cases], f"{what}, the first of the published set"
    instance = problem.generate(plan.instances, generator(plan.seed, "benchmark"))
    return [(case.name, case) for case in problem.cases(instance)], f"{what}, generated"


def _entrant(name: str) -> Entrant:
    kind, colon, model = name.partition(":")
    if kind not in OWN:
        return Entrant(name, None)
    return Entrant(name, model if colon else "auto", kind == "nco")


def _serves(entrant: Entrant, problem: str) -> bool:
    if entrant.model is None:
        return entrant.name in registry.folder(problem).classical.solvers()
    if entrant.model == "auto":
        return True
    from nco.zoo.weights import load

    return registry.folder_of(load(entrant.model).problem).name == problem


def _unknown(entrant: Entrant, problems: Sequence[str]) -> str:
    if entrant.model is not None:
        return f"solver {entrant.name}: not a model for {' or '.join(problems)}"
    every = [registry.folder(problem).classical.solvers() for problem in problems]
    names = dict.fromkeys(name for solvers in every for name in solvers)
    near = did_you_mean(entrant.name, [*OWN, *names])
    return (
        f"unknown solver {entrant.name};{near} there are {', '.join([*OWN, *names])}, "
        f"{OWN[0]}:MODEL and {OWN[1]}:MODEL"
    )


def _models(
    entrants: Mapping[str, Sequence[Entrant]], cases: Iterable[tuple[str, Case]]
) -> dict[str, list[str]]:
    """The networks behind each entrant, or that there is none."""
    from nco.zoo.cards import NO_MODEL, choose
    from nco.zoo.weights import fitting

    kinds = {(case.problem, case.variant, case.size): case for _, case in cases}
    models: dict[str, list[str]] = {}
    for case in kinds.values():
        for entrant in entrants[case.problem]:
            if entrant.model is None:
                continue
            if entrant.model != "auto":
                names = [entrant.model]
            elif registry.folder(case.problem).is_online:
                names = fitting(case.problem, case)
            else:
                names = [choose(case) or NO_MODEL]
            models.setdefault(entrant.name, []).extend(names)
    return {name: list(dict.fromkeys(every)) for name, every in models.items()}
