"""The rows of a model's card: how they were measured, and the same measurement again.

A row is of a labelled set (the gap of `nco.solve`'s deterministic pass to the stored costs) or of
an online case (the gap of the policy's mean cost to that of a reference on the same futures).
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from nco import registry
from nco.benchmark.setting import processor
from nco.core.capabilities import HasCases, Online
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.labels.store import read, read_spec
from nco.registry import shipped, sources
from nco.solving.simulate import policy_of, simulate, standard_error
from nco.solving.solver import solve
from nco.training.gaps import mean
from nco.training.references import folder_of, refuse_other
from nco.workers import lanes
from nco.zoo import weights

FORESEEN = 100  # futures that a planner plans
HINDSIGHT = "hindsight"


def measure_set(model: str, reference: str, count: int | None = None) -> dict[str, Any]:
    """A row of a labelled set.

    Args:
        model: a shipped model, a folder or a checkpoint.
        reference: the set's folder, or the name of one that ships.
        count: first instances of every chunk; None: all.

    Raises:
        NCOError: where there is no such set or model, or they are of two problems.
    """
    where = folder_of(reference)
    loaded = weights.load(model)
    spec = read_spec(where)
    refuse_other(where, loaded.problem)
    gaps: list[float] = []
    sizes: list[int] = []
    begin = time.perf_counter()
    for part in read(where, loaded.problem):
        part = part[:count] if count else part
        assert isinstance(loaded.problem, HasCases)
        found = solve(loaded.problem.cases(part.instance), model=model, progress=False)
        for solution, cost in zip(found, part.cost.amin(1).tolist(), strict=True):
            if not solution.feasible:
                raise NCOError(f"{model}: on {solution.name} of {reference}: {solution.violations}")
            gaps.append(100 * (solution.cost - cost) / abs(cost))
            sizes.append(solution.n)
    return {
        "set": where.name,
        "size": round(sum(sizes) / len(sizes)),
        "instances": len(gaps),
        "seed": spec.seed,
        "reference": f"{spec.solver}, {spec.time_limit} s",
        "search": loaded.policy.searches[0],
        **figures(gaps),
        **_setting(time.perf_counter() - begin, len(gaps)),
    }


def measure_case(model: str, case: Case, reference: str, traces: int) -> dict[str, Any]:
    """A row of an online case.

    Args:
        model: a shipped model, a folder or a checkpoint.
        case: an online one.
        reference: a rule of the problem's ``classical.py``, or ``hindsight``, which knows each
            future and is a bound; of that, at most FORESEEN traces.
        traces: random futures.
    """
    loaded = weights.load(model)
    problem, policy = loaded.problem, loaded.policy
    assert isinstance(problem, Online)
    assert isinstance(problem, HasCases)
    begin = time.perf_counter()
    if reference == HINDSIGHT:
        instance = problem.traces(case, min(traces, FORESEEN), generator("measure"))
        with torch.inference_mode():
            costs = rollout(problem, policy, instance, 1, greedy, logp=False).cost[:, 0]
        seconds = time.perf_counter() - begin
        known = torch.tensor([_planned(part) for part in problem.cases(instance)])
    else:
        found = simulate(problem, policy, case, traces=traces)
        costs, seconds = found.costs, found.seconds
        solution = lanes.run(case, reference, time_limit=None).solution
        known = simulate(*policy_of(case, solution), case, traces=traces).costs
    scale = abs(float(known.mean()))
    return {
        "set": case.name,
        "size": case.size,
        "instances": len(costs),
        "reference": reference,
        "search": "greedy",
        "cost": round(float(costs.mean()), 4),
        "cost_standard_error": round(standard_error(costs), 4),
        "gap_percent": round(100 * float((costs - known).mean()) / scale, 4),
        "standard_error": round(100 * standard_error(costs - known) / scale, 4),
        **_setting(seconds, len(costs), 6),
    }


def again(model: str, rows: list[Mapping[str, Any]]) -> Iterator[dict[str, Any] | NCOError]:
    """Each row of a card measured anew on the same instances; or why that is not done here."""
    for row in rows:
        name, instances = str(row["set"]), int(row["instances"])
        cases = {path.stem: full for full, path in shipped.examples().items()}
        if (folder_of(name) / "set.json").exists():
            chunks = read_spec(folder_of(name)).chunks()
            yield measure_set(model, name, instances // chunks)
        elif name in cases and row["search"] == "greedy":
            case = sources.read(cases[name])
            yield measure_case(model, case, str(row["reference"]), instances)
        else:
            yield NCOError(
                f"{name}: not a labelled set; `python benchmarks/inventory.py table {model} {name} "
                f"--traces {instances}` of the repository measures it"
            )


def figures(gaps: list[float]) -> dict[str, Any]:
    """The mean of gaps in percent and its standard error, as a card has them."""
    found = mean(torch.tensor(gaps, dtype=torch.double))
    error = found.standard_error
    return {
        "gap_percent": round(found.percent, 4),
        "standard_error": None if error is None else round(error, 4),
    }


def _setting(seconds: float, count: int, digits: int = 4) -> dict[str, Any]:
    return {
        "seconds_per_instance": round(seconds / count, digits),
        "threads": torch.get_num_threads(),
        "processor": processor(),
    }


def _planned(case: Case) -> float:
    """The cost of the best plan for a known future, by the independent checker."""
    outcome = lanes.run(case, HINDSIGHT, time_limit=None)
    report = registry.folder(case.problem).check.check(case, outcome.solution)
    if report.cost is None or not report.feasible:
        raise NCOError(f"{case.name}: {HINDSIGHT} has no plan ({report.defect})")
    return float(report.cost)
