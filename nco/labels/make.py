"""Makes labelled sets: generates instances, has them solved, and checks what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nco.core import atomic
from nco.core.case import Case, Report
from nco.core.defaults import cases_of, pad_actions
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import derive, generator
from nco.labels import dagger, relabel
from nco.labels.store import (
    Labelled,
    LabelSpec,
    chunk_digests,
    chunk_path,
    claim,
    complete,
    file_digest,
    generate_chunk,
    problem_of,
    read_chunk,
    read_spec,
    unclaim,
    write_chunk,
)
from nco.registry import folder, folder_of
from nco.search.task import Task
from nco.workers.pool import Handle, Workers
from nco.zoo import weights


def improving(base: Path, solver: str, rollouts: int | None) -> LabelSpec:
    """The spec of the same instances as in `base`, solved from there on by ``model:NAME``."""
    old = read_spec(base)
    if chunk_digests(base) is None:
        raise NCOError(f"{base}: the set is not complete; run the same `nco label` again")
    digest = file_digest(base / "set.json")
    return replace(old, solver=solver, time_limit=None, rollouts=rollouts, improves=digest)


def fill(
    spec: LabelSpec,
    folder: Path,
    workers: int,
    progress: Callable[[int], None],
    base: Path | None = None,
) -> None:
    """Fills `folder`; goes on where an earlier run of the same spec stopped.

    Every solution is checked by the problem's independent checker before it is stored. `base` is
    the set that `spec.improves` (see `improving`).
    """
    with Workers(workers) as pool, Maker(spec, folder, pool, base) as maker:
        for index in range(spec.chunks()):
            if maker.lacks(index):
                maker.make(index)
            progress(min((index + 1) * spec.chunk, spec.instances))


class Maker:
    """Makes one labelled set chunk by chunk; while it is open, no other process makes it.

    Args:
        spec: what the set holds.
        folder: where it is kept.
        pool: runs the solvers; None where others make what is kept here.
        base: the set that `spec.improves`.

    Raises:
        NCOError: where the folder holds another set.
    """

    def __init__(
        self, spec: LabelSpec, folder: Path, pool: Workers | None, base: Path | None = None
    ) -> None:
        self._problem = problem_of(spec, folder)
        claim(spec, folder)
        self.spec, self.folder, self.base, self._pool = spec, folder, base, pool
        self._lock = atomic.Lock(folder / "set.json")

    def __enter__(self) -> "Maker":
        while True:
            claim(self.spec, self.folder)
            try:
                self._lock.acquire()
                break
            except FileNotFoundError:  # of a process that failed, and left no set
                continue
        for left in self.folder.glob(".*.tmp"):  # of a process that was killed while it wrote
            left.unlink()
        return self

    def __exit__(self, *exception: object) -> None:
        """A set that failed before its first chunk leaves nothing; another goes on later."""
        self.complete()
        if any(exception):
            unclaim(self.folder)
        self._lock.release()

    def lacks(self, index: int) -> bool:
        """Whether chunk `index` has to be made; a damaged one is deleted and made again."""
        path, digests = chunk_path(self.folder, index), chunk_digests(self.folder)
        if digests is not None and path.exists() and file_digest(path) != digests[index]:
            path.unlink()
        return not path.exists()

    def make(self, index: int) -> None:
        """Makes chunk `index`, whose file is written whole or not at all."""
        assert self._pool is not None
        chunk = labelled(self._pool, self._problem, self.spec, index, self.base)
        write_chunk(chunk, chunk_path(self.folder, index))

    def complete(self) -> None:
        """Declares the set complete, if it is."""
        if all(chunk_path(self.folder, index).exists() for index in range(self.spec.chunks())):
            complete(self.folder)


def labelled(
    pool: Workers,
    problem: Problem[Any, Any],
    spec: LabelSpec,
    index: int,
    base: Path | None = None,
) -> Labelled:
    """Chunk `index` of the set that `spec` says, made now: a function of `spec` and `index` alone.

    As long as the solver's effort is counted, not timed. `base` is the set that it improves.
    """
    check = folder_of(problem).check.check
    instance = generate_chunk(problem, spec, index)
    cases = cases_of(problem, instance)
    if spec.after is not None:
        return _reached(pool, check, problem, instance, cases, spec, index)
    answers = _answers(pool, check, problem, cases, spec, index, base)
    return _labelled(problem, instance, cases, answers)


def _answers(
    pool: Workers,
    check: Callable[[Case, Any], Report],
    problem: Problem[Any, Any],
    cases: Sequence[Case],
    spec: LabelSpec,
    index: int,
    base: Path | None,
) -> list[tuple[Any, float]]:
    """A checked solution and its cost for every case of chunk `index`."""
    if not spec.solver.startswith(relabel.PREFIX):
        return _solve_all(pool, check, cases, spec, index * spec.chunk)
    known = None
    if base is not None:
        digests = chunk_digests(base)
        assert digests is not None
        old = read_chunk(read_spec(base), problem, base, index, digests[index])
        solutions = problem.solution(old.instance, old.actions[:, 0])
        numbered = [case.numbered(one) for case, one in zip(cases, solutions, strict=True)]
        known = list(zip(numbered, old.cost[:, 0].tolist(), strict=True))
    name = spec.solver.removeprefix(relabel.PREFIX)
    seed = derive(spec.seed, "relabel", index)
    return relabel.answers(name, cases, check, seed=seed, rollouts=spec.rollouts, known=known)


def _solve_all(
    pool: Workers,
    check: Callable[[Case, Any], Report],
    cases: Sequence[Case],
    spec: LabelSpec,
    first: int,
) -> list[tuple[Any, float]]:
    """A checked solution and its cost for every case; instance `first` is the first of them."""
    steps = None
    if spec.iterations is not None and cases:
        counted = folder(cases[0].problem).solver(spec.solver).iterations
        steps = spec.iterations * counted

    def begin(number: int, case: Case) -> Handle:
        return pool.submit(
            case,
            spec.solver,
            time_limit=spec.time_limit,
            seed=derive(spec.seed, number) % 2**31,
            iterations=steps,
        )

    handles = [begin(first + i, case) for i, case in enumerate(cases)]
    answers = []
    for i, (case, handle) in enumerate(zip(cases, handles, strict=True)):
        outcome = handle.wait()
        assert outcome is not None
        if outcome.solution is None:  # once more: a machine that was suspended stops what ran on it
            outcome = begin(first + i, case).wait()
            assert outcome is not None
        if outcome.solution is None:
            raise NCOError(f"instance {first + i}: {spec.solver}: {outcome.error or 'no solution'}")
        cost = _checked(check, case, outcome.solution, first + i, spec.solver)
        answers.append((outcome.solution, cost))
    return answers


def _checked(
    check: Callable[[Case, Any], Report], case: Case, solution: Any, number: int, solver: str
) -> float:
    """The cost of a solution by the independent checker."""
    report = check(case, solution)
    if not report.feasible or report.cost is None:
        raise NCOError(f"instance {number}: {solver} answered: {report.defect}")
    return float(report.cost)


def _reached(
    pool: Workers,
    check: Callable[[Case, Any], Report],
    problem: Problem[Any, Any],
    instance: Any,
    cases: Sequence[Case],
    spec: LabelSpec,
    index: int,
) -> Labelled:
    """Chunk `index`: what `spec.after` comes to at random moments, and the solver goes on."""
    assert spec.after is not None
    first, model = index * spec.chunk, spec.solver.startswith(relabel.PREFIX)
    task = Task(problem, leading(spec.after[0], problem).policy, instance)
    expert = task
    if model:
        name = spec.solver.removeprefix(relabel.PREFIX)
        expert = Task(problem, leading(name, problem).policy, instance)
    rows, costs, given = [], [], []
    with torch.inference_mode():
        random = generator(spec.seed, "moments", index)
        for partial in dagger.moments(task, spec.moments or 1, random):
            if model:
                actions = dagger.searched(expert, partial, spec.rollouts)
            else:
                actions = dagger.solved(
                    problem,
                    instance,
                    partial,
                    lambda rest: [a for a, _ in _solve_all(pool, check, rest, spec, first)],
                )
            solutions = problem.solution(instance, actions)
            numbered = [case.numbered(one) for case, one in zip(cases, solutions, strict=True)]
            costs.append(
                [
                    _checked(check, case, one, first + i, f"{spec.solver} after {spec.after[0]}")
                    for i, (case, one) in enumerate(zip(cases, numbered, strict=True))
                ]
            )
            rows.append(actions)
            given.append(partial.actions.shape[2])
    longest = max(row.shape[1] for row in rows)
    padded = [pad_actions(problem, instance, row[:, None], longest) for row in rows]
    return Labelled(
        instance,
        torch.cat(padded, 1),
        torch.tensor(costs, dtype=torch.double).T.contiguous(),
        torch.tensor(given).expand(len(instance), -1).contiguous(),
    )


def leading(name: str, problem: Problem[Any, Any]) -> weights.Model:
    """The model that begins, or goes on; an `NCOError` where it is not of the same problem."""
    model = weights.load(name)
    if type(model.problem) is not type(problem):
        kinds = type(model.problem).__name__, type(problem).__name__
        raise NCOError(f"{name}: is a model of {kinds[0]}, not of {kinds[1]}")
    return model


def _labelled(
    problem: Problem[Any, Any],
    instance: Any,
    cases: Sequence[Case],
    answers: Sequence[tuple[Any, float]],
) -> Labelled:
    """One solution for every instance."""
    solutions = [case.indexed(answer[0]) for case, answer in zip(cases, answers, strict=True)]
    cost = torch.tensor([answer[1] for answer in answers], dtype=torch.double)
    return Labelled(instance, problem.actions(instance, solutions)[:, None], cost[:, None])
