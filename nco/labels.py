"""Labelled sets: instances with good solutions, found by a solver, checked, and stored compactly.

A set is a folder: ``set.json`` says what it holds, ``00000.safetensors`` and so on hold the actions
and costs of one chunk each. Instances are not stored; chunk i is generated again from
``derive(seed, "labels", i)`` and compared by its fingerprint. A chunk file is written whole or not
at all, so a run that was killed goes on where it stopped and ends with the same set.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nco import atomic, baselines, reached, relabel, zoo
from nco.batch import Batch, cat
from nco.case import Case, Report
from nco.describe import construct
from nco.errors import InstanceError, NCOError
from nco.folders import check_module
from nco.problem import Problem
from nco.seeds import derive, generator

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Labelled(Batch):
    """Instances of one size with known solutions."""

    instance: Batch
    actions: Tensor  # [B, L, T, *M] long; L solutions an instance, short ones end in no-ops
    cost: Tensor  # [B, L] double, in the source's units, from the independent checker
    # [B, L] long, first actions that are not to be learned, as a policy chose them; None: all are
    given: Tensor | None = None


@dataclass(frozen=True)
class LabelSpec:
    """What a labelled set holds; equal specs give the identical set.

    Attributes:
        problem: description of the problem whose `generate` makes the instances.
        solver: name of a solver in the problem folder's `baseline.py`, or ``model:NAME``.
        time_limit: seconds for each instance; None is the solver's default.
        instances: number of instances; seed: theirs; chunk: instances of one file (and one size).
        rollouts: of a model's search; None is its own pass.
        improves: the set that a model goes on from, by the SHA-256 of its description.
        after: a model that makes the first decisions of every solution (`nco.reached`), and the
            SHA-256 of its file; None: none does.
        moments: in how many of the states that it comes to the solver goes on, each a label.
    """

    problem: dict[str, Any]
    solver: str
    time_limit: float | None
    instances: int
    seed: int
    chunk: int = 200
    format: int = FORMAT
    rollouts: int | None = None
    improves: str | None = None
    after: tuple[str, str] | None = None
    moments: int | None = None

    def __post_init__(self) -> None:
        if self.after is not None:  # JSON has lists only
            object.__setattr__(self, "after", tuple(self.after))

    def chunks(self) -> int:
        return -(-self.instances // self.chunk)


def generate_chunk(problem: Problem[Any, Any], spec: LabelSpec, index: int) -> Any:
    """The instances of chunk `index`."""
    count = min(spec.chunk, spec.instances - index * spec.chunk)
    return problem.generate(count, generator(spec.seed, "labels", index))


def improving(base: Path, solver: str, rollouts: int | None) -> LabelSpec:
    """The spec of the same instances as in `base`, solved from there on by ``model:NAME``."""
    old = read_spec(base)
    if _digests(base) is None:
        raise NCOError(f"{base}: the set is not complete; run the same `nco label` again")
    digest = _digest(base / "set.json")
    return replace(old, solver=solver, time_limit=None, rollouts=rollouts, improves=digest)


def make(
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
    folder.mkdir(parents=True, exist_ok=True)
    _claim(spec, folder)
    problem = construct(spec.problem)
    check = check_module(problem).check
    stored = _digests(folder)
    with baselines.Workers(workers) as pool:
        for index in range(spec.chunks()):
            path = folder / f"{index:05d}.safetensors"
            if stored is not None and path.exists() and _digest(path) != stored[index]:
                path.unlink()  # damaged since: its new checksum must not make it whole
            if not path.exists():
                instance = generate_chunk(problem, spec, index)
                cases = problem.cases(instance)
                if spec.after is not None:
                    found = _reached(pool, check, problem, instance, cases, spec, index)
                else:
                    answers = _answers(pool, check, problem, cases, spec, index, base)
                    found = _labelled(problem, instance, cases, answers)
                _write_chunk(found, path)
            progress(min((index + 1) * spec.chunk, spec.instances))
    digests = [_digest(folder / f"{i:05d}.safetensors") for i in range(spec.chunks())]
    atomic.write_text(
        folder / "set.json", json.dumps({**spec.__dict__, "sha256": digests}, indent=1)
    )


def _digest(path: Path) -> str:
    return atomic.sha256(path.read_bytes())


def _digests(folder: Path) -> list[str] | None:
    """Checksums of the chunks of a complete set; None until it is complete."""
    found: list[str] | None = json.loads((folder / "set.json").read_text()).get("sha256")
    return found


def _answers(
    pool: baselines.Workers,
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
        digests = _digests(base)
        assert digests is not None
        old = read_chunk(read_spec(base), problem, base, index, digests[index])
        solutions = problem.solution(old.instance, old.actions[:, 0])
        numbered = [case.numbered(found) for case, found in zip(cases, solutions, strict=True)]
        known = list(zip(numbered, old.cost[:, 0].tolist(), strict=True))
    name = spec.solver.removeprefix(relabel.PREFIX)
    seed = derive(spec.seed, "relabel", index)
    return relabel.answers(name, cases, check, seed=seed, rollouts=spec.rollouts, known=known)


def _solve_all(
    pool: baselines.Workers,
    check: Callable[[Case, Any], Report],
    cases: Sequence[Case],
    spec: LabelSpec,
    first: int,
) -> list[tuple[Any, float]]:
    """A checked solution and its cost for every case; instance `first` is the first of them."""
    handles = [
        pool.submit(
            case, spec.solver, time_limit=spec.time_limit, seed=derive(spec.seed, first + i) % 2**31
        )
        for i, case in enumerate(cases)
    ]
    answers = []
    for i, (case, handle) in enumerate(zip(cases, handles, strict=True)):
        outcome = handle.wait()
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
        raise NCOError(f"instance {number}: {solver} answered: {report.violations[0]}")
    return float(report.cost)


def _reached(
    pool: baselines.Workers,
    check: Callable[[Case, Any], Report],
    problem: Problem[Any, Any],
    instance: Any,
    cases: Sequence[Case],
    spec: LabelSpec,
    index: int,
) -> Labelled:
    """Chunk `index`: what `spec.after` comes to at random moments, and the solver goes on."""
    assert spec.after is not None
    policy = leading(spec.after[0], problem).policy
    first, model = index * spec.chunk, spec.solver.startswith(relabel.PREFIX)
    expert = policy
    if model:
        expert = leading(spec.solver.removeprefix(relabel.PREFIX), problem).policy
    rows, costs, given = [], [], []
    with torch.inference_mode():
        random = generator(spec.seed, "moments", index)
        for ends in reached.moments(problem, policy, instance, spec.moments or 1, random):
            if model:
                actions = reached.searched(problem, expert, instance, ends, spec.rollouts)
            else:
                actions = reached.solved(
                    problem,
                    instance,
                    ends,
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
            given.append(ends.actions.shape[2])
    longest = max(row.shape[1] for row in rows)
    padded = [problem.pad(instance, row[:, None], longest) for row in rows]
    return Labelled(
        instance,
        torch.cat(padded, 1),
        torch.tensor(costs, dtype=torch.double).T.contiguous(),
        torch.tensor(given).expand(len(instance), -1).contiguous(),
    )


def leading(name: str, problem: Problem[Any, Any]) -> zoo.Model:
    """The model that begins, or goes on; an `NCOError` where it is not of the same problem."""
    model = zoo.load(name)
    if type(model.problem) is not type(problem):
        kinds = type(model.problem).__name__, type(problem).__name__
        raise NCOError(f"{name}: is a model of {kinds[0]}, not of {kinds[1]}")
    return model


def _claim(spec: LabelSpec, folder: Path) -> None:
    path = folder / "set.json"
    if path.exists():
        found = read_spec(folder)
        if found != spec:
            raise NCOError(f"{path}: holds another set ({found}); choose another folder")
        return
    atomic.write_text(path, json.dumps(spec.__dict__, indent=1))


def read_spec(folder: Path) -> LabelSpec:
    path = folder / "set.json"
    try:
        data = json.loads(path.read_text())
        spec = LabelSpec(**{key: value for key, value in data.items() if key != "sha256"})
    except FileNotFoundError as error:
        raise NCOError(f"{path}: no such labelled set; make one with `nco label`") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InstanceError(
            f"not the description of a labelled set ({error})", path=path
        ) from error
    if spec.format != FORMAT:
        raise InstanceError(
            "this version reads format 1", field="format", value=spec.format, path=path
        )
    return spec


def fingerprint(instance: Batch) -> str:
    """Sixteen hexadecimal digits of the tensors' bytes."""
    parts: list[bytes] = []
    instance.map(lambda tensor: parts.append(tensor.contiguous().numpy().tobytes()) or tensor)  # type: ignore[func-returns-value]
    return atomic.sha256(b"".join(parts))[:16]


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


def _write_chunk(found: Labelled, path: Path) -> None:
    small = torch.int16 if int(found.actions.max()) < 2**15 else torch.int32
    actions = found.actions.to(small)
    if found.given is None:
        tensors = {"actions": actions[:, 0].contiguous(), "cost": found.cost[:, 0].contiguous()}
    else:
        tensors = {"actions": actions, "cost": found.cost, "given": found.given.to(torch.int32)}
    metadata = {"instances": fingerprint(found.instance)}
    atomic.write_bytes(path, safetensors.torch.save(tensors, metadata))


def read(folder: Path, problem: Problem[Any, Any] | None = None) -> Iterator[Labelled]:
    """The chunks of a complete set, verified; actions in the encoding of `problem` if given."""
    spec = read_spec(folder)
    own = construct(spec.problem)
    digests = _digests(folder)
    if digests is None:
        raise NCOError(f"{folder}: the set is not complete; run the same `nco label` again")
    for index in range(spec.chunks()):
        yield read_chunk(spec, own, folder, index, digests[index], problem)


def read_chunk(
    spec: LabelSpec,
    own: Problem[Any, Any],
    folder: Path,
    index: int,
    digest: str | None,
    problem: Problem[Any, Any] | None = None,
) -> Labelled:
    """One chunk, with its instances made again from the seed."""
    path = folder / f"{index:05d}.safetensors"
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InstanceError("missing; run the same `nco label` again", path=path) from error
    if digest is not None and atomic.sha256(data) != digest:
        raise InstanceError(
            "damaged; run the same `nco label` again",
            field="SHA-256",
            value=atomic.sha256(data)[:16],
            path=path,
        )
    with safetensors.safe_open(os.fspath(path), "pt") as file:
        metadata = file.metadata()
        actions = file.get_tensor("actions").long()
        cost = file.get_tensor("cost")
        given = file.get_tensor("given").long() if "given" in file.keys() else None  # noqa: SIM118
    instance = generate_chunk(own, spec, index)
    if metadata["instances"] != fingerprint(instance):
        raise InstanceError(
            "this version generates other instances than those labelled",
            field="fingerprint",
            value=metadata["instances"],
            path=path,
        )
    same = problem is None or type(problem) is type(own)
    if given is not None:
        if not same:
            reason = f"{folder}: labels after a model's decisions are for {type(own).__name__} only"
            raise NCOError(reason)
        return Labelled(instance, actions, cost, given)
    if problem is not None and not same:
        actions = problem.actions(instance, own.solution(instance, actions))
    return Labelled(instance, actions[:, None], cost[:, None])


def by_size(chunks: Iterator[Labelled], problem: Problem[Any, Any]) -> list[Labelled]:
    """Chunks of equal instance shape joined, shorter action rows padded with their no-op.

    Those whose first actions are given stay apart, because in each it is another number.
    """
    groups: dict[tuple[int, ...], list[Labelled]] = {}
    for number, chunk in enumerate(chunks):
        nodes = problem.features(chunk.instance).nodes.shape[1]
        apart = () if chunk.given is None else (number,)
        # as many nodes may be other numbers of agents and of what they serve
        groups.setdefault((nodes, *chunk.actions.shape[3:], *apart), []).append(chunk)
    joined = []
    for parts in groups.values():
        longest = max(part.actions.shape[2] for part in parts)
        joined.append(
            cat(
                [
                    replace(part, actions=problem.pad(part.instance, part.actions, longest))
                    for part in parts
                ]
            )
        )
    return joined
