"""Labelled sets: made, continued, read back, and refused when anything about them is wrong."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from full_disks import full_at

from nco.core import geometry
from nco.core.describe import describe
from nco.core.errors import InstanceError, NCOError
from nco.core.problem import Problem
from nco.core.seeds import derive, generator
from nco.labels import make, store
from nco.labels.store import LabelSpec
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.registry import folder_of

# solvers that a child imports; simple, and the same at every call
SOLVERS = '''
import random


def any_tour(case, *, time_limit, seed, start=None):
    tour = case.ids.tolist()
    random.Random(seed).shuffle(tour)
    return tour


def alone(case, *, time_limit, seed, start=None):
    """Routes of one customer; of two where two fit, so that rows differ in length."""
    routes = [[customer] for customer in range(1, case.size + 1)]
    if seed % 2 and case.demand[1] + case.demand[2] <= case.capacity:
        routes[:2] = [[1, 2]]
    return routes


def first_fit(case, *, time_limit, seed, start=None):
    chosen, left = [], case.capacity
    for item in range(case.size):
        if case.weights[item] <= left:
            chosen.append(item)
            left -= case.weights[item]
    return chosen


def twice(case, *, time_limit, seed, start=None):
    return [*case.ids.tolist(), 0]


def nothing(case, *, time_limit, seed, start=None):
    return None


def crash(case, *, time_limit, seed, start=None):
    raise RuntimeError("no licence")


failed = set()


def second_try(case, *, time_limit, seed, start=None):
    """Answers an instance at the second time that it is asked."""
    if seed not in failed:
        failed.add(seed)
        raise RuntimeError("stopped")
    return any_tour(case, time_limit=time_limit, seed=seed)
'''


@pytest.fixture(scope="module", autouse=True)
def _solvers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module that the children find where the parent finds it."""
    folder = tmp_path_factory.mktemp("solvers")
    (folder / "solvers_of_a_test.py").write_text(SOLVERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield


def spec(problem: Problem[Any, Any], solver: str, **changes: Any) -> LabelSpec:
    """Seven instances in chunks of three."""
    made = LabelSpec(
        problem=describe(problem),
        solver=f"solvers_of_a_test:{solver}",
        time_limit=1.0,
        instances=7,
        seed=3,
        chunk=3,
    )
    return replace(made, **changes)


def filled(wanted: LabelSpec, folder: Path, workers: int = 1) -> list[int]:
    seen: list[int] = []
    make.fill(wanted, folder, workers, seen.append)
    return seen


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


TOURS = spec(TSP([4, 6]), "any_tour")


@pytest.fixture(scope="module")
def whole(_solvers: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "tours"
    assert filled(TOURS, folder) == [3, 6, 7]
    return folder


@pytest.fixture
def tours(whole: Path, tmp_path: Path) -> Path:
    """A complete set of tours that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "tours"))


# --------------------------------------------------------------------------------------------------
# Making and reading


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "solver"),
    [
        (TSP([4, 6]), "any_tour"),
        (CVRP([3, 6], capacity=12), "alone"),
        (CVRPVia(4), "alone"),
        (Knapsack([4, 7]), "first_fit"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Problem) else value,
)
def test_a_set_round_trips(problem: Problem[Any, Any], solver: str, tmp_path: Path) -> None:
    """What is read has the solver's solutions, at the checker's cost, on the same instances."""
    wanted = spec(problem, solver)
    filled(wanted, tmp_path)
    assert store.read_spec(tmp_path) == wanted
    chunks = list(store.read(tmp_path))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    check = folder_of(problem).check.check
    for index, chunk in enumerate(chunks):
        instance: Any = store.generate_chunk(problem, wanted, index)
        assert store.fingerprint(chunk.instance) == store.fingerprint(instance)
        assert chunk.actions.dtype == torch.long
        cost = problem.cost(instance, chunk.actions)
        torch.testing.assert_close(cost.double(), chunk.cost, rtol=1e-5, atol=1e-6)
        solutions = problem.solution(instance, chunk.actions[:, 0])
        for case, solution, stored in zip(
            problem.cases(instance), solutions, chunk.cost[:, 0].tolist(), strict=True
        ):
            report = check(case, case.numbered(solution))
            assert report.feasible
            assert float(report.cost) == stored


def test_solvers_get_their_seed(tours: Path) -> None:
    """Each instance one of its own, which depends on the set's seed and its number in the set."""
    rows = [row for chunk in store.read(tours) for row in chunk.actions[:, 0].tolist()]
    for number, row in enumerate(rows):
        wanted = list(range(len(row)))
        random.Random(derive(TOURS.seed, number) % 2**31).shuffle(wanted)
        assert row == wanted


def test_labels_are_small(tours: Path) -> None:
    """Actions take two bytes each, and instances none."""
    assert len(contents(tours)["00000.safetensors"]) < 400


def test_workers_do_not_change_a_set(tours: Path, tmp_path: Path) -> None:
    """Two processes make the same bytes as one."""
    filled(TOURS, tmp_path / "again", workers=2)
    assert contents(tmp_path / "again") == contents(tours)


def test_a_set_reads_in_another_encoding(tmp_path: Path) -> None:
    """Labels of one encoding of the same instances serve the other."""
    filled(spec(CVRP(5), "alone"), tmp_path)
    other = CVRPVia(5)
    for own, via in zip(store.read(tmp_path), store.read(tmp_path, other), strict=True):
        cost = other.cost(via.instance, via.actions)
        torch.testing.assert_close(cost.double(), own.cost, rtol=1e-5, atol=1e-6)
        assert other.solution(via.instance, via.actions[:, 0]) == CVRP(5).solution(
            own.instance, own.actions[:, 0]
        )


def test_sizes_are_joined_and_rows_lengthened(tmp_path: Path) -> None:
    """Chunks of one size become one batch; no-ops at the end leave the cost as it was."""
    problem = CVRP([3, 4], capacity=12)
    filled(spec(problem, "alone", instances=12, chunk=2), tmp_path)
    chunks = list(store.read(tmp_path))
    lengths = {(chunk.instance.coords.shape[1], chunk.actions.shape[2]) for chunk in chunks}
    groups = store.by_size(iter(chunks), problem)
    assert len(lengths) > len(groups) == 2
    assert sum(len(group) for group in groups) == 12
    for group in groups:
        cost = problem.cost(group.instance, group.actions)
        torch.testing.assert_close(cost.double(), group.cost, rtol=1e-5, atol=1e-6)


# --------------------------------------------------------------------------------------------------
# Going on


def test_deleted_chunks_are_made_again(tours: Path) -> None:
    """Only what is missing is made, with the same bytes."""
    before = contents(tours)
    (tours / "00001.safetensors").unlink()
    assert filled(TOURS, tours) == [3, 6, 7]
    assert contents(tours) == before


def test_a_stopped_run_goes_on(tours: Path, tmp_path: Path) -> None:
    """After a crash between two chunks the same set comes about, from where it stopped."""
    folder = tmp_path / "stopped"

    def stop(done: int) -> None:
        if done == 6:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make.fill(TOURS, folder, 1, stop)
    assert sorted(contents(folder)) == ["00000.safetensors", "00001.safetensors", "set.json"]
    with pytest.raises(NCOError, match="the set is not complete; run the same `nco label` again"):
        next(store.read(folder))
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    filled(TOURS, folder)
    assert contents(folder) == contents(tours)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


@pytest.mark.long
def test_a_full_disk_leaves_no_half_chunk(tmp_path: Path) -> None:
    """The error names the file that had no space; the same run goes on once there is some."""
    wanted, folder = replace(TOURS, instances=160, chunk=80), tmp_path / "set"
    filled(wanted, tmp_path / "whole")
    size = (tmp_path / "whole" / "00000.safetensors").stat().st_size
    assert size > (tmp_path / "whole" / "set.json").stat().st_size
    with pytest.raises(OSError, match=r"00000\.safetensors'"), full_at(size - 1):
        filled(wanted, folder)
    assert not list(folder.glob("*.safetensors*"))
    assert not list(folder.glob(".*"))
    filled(wanted, folder)
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_damaged_chunk_is_made_again_and_not_made_whole(tours: Path) -> None:
    """Running the same command again must not give a damaged file a checksum of its own."""
    before = contents(tours)
    damage(tours / "00000.safetensors")
    filled(TOURS, tours)
    assert contents(tours) == before


# --------------------------------------------------------------------------------------------------
# One clear error each


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def test_a_damaged_chunk(tours: Path) -> None:
    """A chunk whose checksum differs is refused by name."""
    damage(tours / "00001.safetensors")
    chunks = store.read(tours)
    next(chunks)
    with pytest.raises(InstanceError, match=r"00001.safetensors: SHA-256 \w{16}: damaged"):
        next(chunks)


def test_a_missing_chunk(tours: Path) -> None:
    """A chunk that is not there is named, with what to do."""
    (tours / "00002.safetensors").unlink()
    with pytest.raises(InstanceError, match=r"00002.safetensors: missing; run the same `nco label"):
        list(store.read(tours))


def test_no_set(tmp_path: Path) -> None:
    """A folder without a set says how to make one."""
    with pytest.raises(NCOError, match=r"set.json: no such labelled set; make one with"):
        store.read_spec(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["{}", "[1, 2]", '"text"', "null", "{", "\0", '{"instances": 7}', '{"solver": 1, "x": 2}'],
)
def test_a_foreign_set_json(tours: Path, text: str) -> None:
    """Any other content of the description is refused, for reading and for making."""
    (tours / "set.json").write_text(text)
    with pytest.raises(InstanceError, match=r"set.json: not the description of a labelled set"):
        store.read_spec(tours)
    with pytest.raises(InstanceError, match="not the description"):
        filled(TOURS, tours)


def test_a_set_of_another_format(tours: Path) -> None:
    """The number of the format is compared."""
    data = json.loads((tours / "set.json").read_text())
    (tours / "set.json").write_text(json.dumps({**data, "format": 2}))
    with pytest.raises(InstanceError, match=r"set.json: format 2: this version reads format 1"):
        next(store.read(tours))


@pytest.mark.parametrize("change", [{"seed": 4}, {"instances": 8}, {"time_limit": None}])
def test_a_folder_that_holds_another_set(tours: Path, change: dict[str, Any]) -> None:
    """Another recipe is refused, and nothing in the folder changes."""
    before = contents(tours)
    with pytest.raises(NCOError, match=r"holds another set .*choose another folder"):
        filled(replace(TOURS, **change), tours)
    assert contents(tours) == before


def test_another_generator(tours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the code now generates other instances, labels are refused instead of mismatched."""
    monkeypatch.setattr(geometry.Uniform, "draw", lambda self, *a: geometry.Clustered().draw(*a))
    with pytest.raises(InstanceError, match=r"fingerprint \w{16}: this version generates other"):
        next(store.read(tours))


@pytest.mark.parametrize(
    ("solver", "reason"),
    [
        ("twice", "node 0 is visited 2 times"),
        ("nothing", "no solution"),
        ("crash", "RuntimeError: no licence"),
    ],
)
def test_bad_answers_are_not_stored(solver: str, reason: str, tmp_path: Path) -> None:
    """The independent checker decides; the error names the instance and the reason.

    The folder is then free for another set.
    """
    wanted, folder = spec(TSP(4), solver), tmp_path / "set"
    with pytest.raises(NCOError, match=rf"instance 0: solvers_of_a_test:{solver}.*{reason}"):
        filled(wanted, folder)
    assert not folder.exists()


def test_a_solver_has_a_second_try(tours: Path, tmp_path: Path) -> None:
    """With the same seed, so that the set is that of a solver that was never stopped."""
    filled(spec(TSP([4, 6]), "second_try"), tmp_path / "set")
    made, whole = contents(tmp_path / "set"), contents(tours)
    made.pop("set.json"), whole.pop("set.json")
    assert made == whole


def test_a_failure_after_the_first_chunk_keeps_the_set(
    tours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was labelled is not lost, and the folder stays that of its recipe."""
    store.chunk_path(tours, 1).unlink()
    before = contents(tours)
    monkeypatch.setattr(make.Maker, "make", lambda maker, index: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        filled(TOURS, tours)
    assert contents(tours) == before


def test_a_claim_says_what_differs(tours: Path) -> None:
    """By name, short, and on one line."""
    with pytest.raises(NCOError) as caught:
        filled(replace(TOURS, seed=99, problem=describe(TSP(61))), tours)
    text = str(caught.value)
    assert f"seed {TOURS.seed}, not 99" in text
    assert ", not 61" in text
    assert "LabelSpec" not in text
    assert "\n" not in text
    assert len(text) < 250 + len(str(tours))


def test_a_solver_that_does_not_exist(tmp_path: Path) -> None:
    """It is refused beside those that there are."""
    with pytest.raises(NCOError, match="lkh: no such solver; tsp has ortools"):
        filled(replace(TOURS, solver="lkh"), tmp_path)


def test_further_arguments_of_the_problem_are_labelled(tmp_path: Path, capsys: Any) -> None:
    """The set's description holds them as the command had them."""
    from nco.cli import main

    command = ["label", "--problem", "cvrp", "--size", "6", "--instances", "3", "--seed", "4"]
    command += ["--solver", "ortools", "--time_limit", "0.3", "--output", str(tmp_path / "set")]
    points = "{class_path: nco.core.geometry.Clustered, init_args: {clusters: 2}}"
    with pytest.raises(SystemExit):
        main([*command, "--problem_args", f"{{capacity: [20, 40], points: {points}}}"])
    made = CVRP(size=6, capacity=[20, 40], points=geometry.Clustered(clusters=2))
    (part,) = store.read(tmp_path / "set", CVRP())
    drawn = made.generate(3, generator(4, "labels", 0))
    assert torch.equal(part.instance.coords, drawn.coords)
    assert torch.equal(part.instance.capacity, drawn.capacity)
    with pytest.raises(SystemExit):
        main([*command, "--problem_args", "50"])
    assert "names with values" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--problem_args", "{colour: red}"])
    assert "problem_args {'colour': 'red'}: " in capsys.readouterr().err
