"""Labels of what a policy comes to: its own steps first, the best ones from there on."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nco.cli import main
from nco.core.defaults import mask_of
from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.labels import dagger, store
from nco.labels.store import LabelSpec
from nco.models.bq import BQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRPVia
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.search.beam import beam_search
from nco.search.task import Task
from nco.zoo import weights

SIZE = 6
PROBLEMS = [TSP(SIZE), ATSP(SIZE), CVRPVia(SIZE), OP(SIZE)]


def network(problem: Problem[Any, Any]) -> BQPolicy:
    """Untrained: what it comes to is far from the best."""
    torch.manual_seed(2)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    return BQPolicy(encoder, two_way=isinstance(problem, OP)).build(problem.schema).eval()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[type, str]:
    folder = tmp_path_factory.mktemp("models")
    for problem in PROBLEMS:
        weights.save(folder / type(problem).__name__, problem, network(problem), {}, half=False)
    return {type(problem): str(folder / type(problem).__name__) for problem in PROBLEMS}


def label(models: dict[type, str], problem: Problem[Any, Any], folder: Path, *words: str) -> int:
    """The exit status of `nco label --after`, three instances of SIZE."""
    name = type(problem).__module__.split(".")[2]
    command = ["label", "--problem", name, "--size", str(SIZE), "--instances", "3", "--seed", "5"]
    after = ["--after", models[type(problem)], "--moments", "3", "--output", str(folder)]
    with pytest.raises(SystemExit) as exit_:
        main([*command, *after, *words])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
@torch.inference_mode()
def test_the_past_leads_to_where_the_policy_stands(problem: Problem[Any, Any]) -> None:
    """Also of a tour that grew at both ends."""
    instance = problem.generate(5, generator(1))
    ways = dagger.moments(Task(problem, network(problem), instance), 4, generator("moments"))
    taken = [ends.actions.shape[2] for ends in ways]
    assert taken == sorted(set(taken))
    for ends, steps in zip(ways, taken, strict=True):
        state = problem.reset(instance, 1)
        for t in range(steps):
            state = problem.step(instance, state, ends.past()[:, :, t])
        seen, found = problem.observe(instance, ends.state), problem.observe(instance, state)
        assert torch.equal(seen.focus, found.focus)
        assert seen.alive is not None
        assert found.alive is not None
        assert torch.equal(seen.alive, found.alive)


def best_way_on(problem: Problem[Any, Any], row: Any, begun: list[int]) -> float:
    """The least cost of all that may follow the first actions `begun`, by trying everything."""
    ways, best = [begun], float("inf")
    while ways:
        way = ways.pop()
        state = problem.reset(row, 1)
        for node in way:
            state = problem.step(row, state, torch.tensor([[node]]))
        if bool(problem.done(row, state)):
            best = min(best, float(problem.cost(row, torch.tensor([[way]]))))
            continue
        ways += [
            [*way, node] for node in mask_of(problem, row, state)[0, 0].nonzero()[:, 0].tolist()
        ]
    return best


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "solver", "further"),
    [
        (TSP(SIZE), "fast_tsp", "{}"),
        (ATSP(SIZE), "cpsat", "{}"),
        (OP(SIZE), "cpsat", "{limit: 2.0}"),
    ],
    ids=["tsp", "atsp", "op"],
)
def test_a_solver_goes_on_as_well_as_possible(
    problem: Problem[Any, Any], solver: str, further: str, models: dict[type, str], tmp_path: Path
) -> None:
    """Up to 20 nodes both solvers are exact; worse than the best is what the policy did."""
    folder = tmp_path / "set"
    words = ("--solver", solver, "--time_limit", "1", "--problem_args", further)
    assert label(models, problem, folder, *words) == 0
    (chunk,) = store.read(folder, problem)
    assert chunk.given is not None
    rows, count, _ = chunk.actions.shape
    assert (rows, count) == (3, chunk.given.shape[1])
    for b, k in itertools.product(range(3), range(count)):
        row, given = chunk.instance[b : b + 1], int(chunk.given[b, k])
        best = best_way_on(problem, row, chunk.actions[b, k, :given].tolist())
        assert float(chunk.cost[b, k]) == pytest.approx(best, rel=1e-5)
    # where more is given, less is possible
    assert bool((chunk.cost.diff(dim=1) >= -1e-6).all())
    assert bool((chunk.cost.diff(dim=1) > 1e-6).any())


def test_a_model_goes_on_itself(models: dict[type, str], tmp_path: Path) -> None:
    """By a beam search that keeps everything: the best way on there is."""
    problem, folder = CVRPVia(SIZE), tmp_path / "set"
    solver = f"model:{models[CVRPVia]}"
    assert label(models, problem, folder, "--solver", solver, "--rollouts", "3000") == 0
    (chunk,) = store.read(folder, problem)
    assert chunk.given is not None
    found = problem.cost(chunk.instance, chunk.actions)
    torch.testing.assert_close(found.double(), chunk.cost, rtol=1e-5, atol=1e-5)
    with torch.inference_mode():
        _, cost = beam_search(Task(problem, network(problem), chunk.instance), 3000)
    assert bool((chunk.cost.amin(1) >= cost.amin(1) - 1e-5).all())
    assert bool((chunk.cost.diff(dim=1) >= -1e-5).all())


@pytest.mark.long
def test_the_same_run_makes_the_same_set(models: dict[type, str], tmp_path: Path) -> None:
    """A chunk that was deleted is made again with the same bytes."""
    words = ("--solver", "fast_tsp", "--time_limit", "1")
    assert label(models, TSP(), tmp_path, *words) == 0
    path = tmp_path / "00000.safetensors"
    before = path.read_bytes()
    path.unlink()
    assert label(models, TSP(), tmp_path, *words) == 0
    assert path.read_bytes() == before
    assert label(models, TSP(), tmp_path, *words, "--moments", "2") == 2  # another set


def test_a_solver_that_leaves_the_way_is_one_line(tmp_path: Path) -> None:
    """A solution that does not begin as the model did is refused."""
    problem = TSP(5)
    instance = problem.generate(1, generator(1))
    state = problem.reset(instance, 1)
    for node in (0, 1):
        state = problem.step(instance, state, torch.tensor([[node]]))
    with pytest.raises(NCOError, match="row 0: the tour does not go the way that was given"):
        problem.resumed(instance, state, [[0, 2, 1, 3, 4]])


def test_only_what_follows_the_given_steps_is_learned(
    models: dict[type, str], tmp_path: Path
) -> None:
    """And the state that the policy came to half of the time."""
    words = ("--solver", "fast_tsp", "--time_limit", "1", "--moments", "1")
    assert label(models, TSP(), tmp_path, *words) == 0
    made = BQ(TSP(SIZE), network(TSP()))
    made.log = lambda *arguments, **named: None  # type: ignore[assignment, misc]
    (found,) = store.read(tmp_path, TSP())
    assert found.given is not None
    given = int(found.given[0, 0])
    cuts: list[int] = []
    real = made.policy.look

    def watched(features: Any, observation: Any, most: int | None) -> Any:
        cuts.append(SIZE - int(observation.alive[0].sum()))
        # where the label's own way leads
        state = TSP().replay(found.instance, found.actions, torch.full((3, 1, 1), cuts[-1])).fold()
        assert torch.equal(observation.focus, TSP().observe(found.instance, state).focus)
        return real(features, observation, most)

    made.policy.look = watched  # type: ignore[method-assign]
    for step in range(40):
        assert torch.isfinite(made.loss(found, generator("step", step)))
    assert min(cuts) == given
    assert max(cuts) < SIZE - 1
    assert cuts.count(given) >= 12


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--problem", "tsp", "--moments", "2"], "moments: a positive number"),
        (["--problem", "cvrp", "--after", "TSP"], "a model of TSP, not of cvrp"),
        (["--problem", "cvrp", "--after", "CVRP"], "--solver model:NAME"),
        (["--problem", "jssp", "--after", "gnn-jssp"], "JSSP: classical solvers cannot go on"),
        (["--problem", "hcvrp", "--after", "parco-hcvrp"], "is not decided one node at a time"),
        (["--after", "TSP", "--improve", "labels"], "not together with improve"),
        (["--problem", "tsp", "--moments", "3"], "moments: a positive number"),
    ],
)
def test_options_that_contradict_are_one_line(
    words: list[str],
    named: str,
    models: dict[type, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    """The error names the option."""
    trained = {"TSP": models[TSP], "CVRP": models[CVRPVia]}
    words = [trained.get(word, word) for word in words]
    rest = ["--solver", "ortools", "--output", str(tmp_path / "out")]
    rest += [] if "--improve" in words else ["--size", "6", "--instances", "3"]
    with pytest.raises(SystemExit) as exit_:
        main(["label", *words, *rest])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_set_after_a_model_is_read_in_its_own_encoding_only(
    models: dict[type, str], tmp_path: Path
) -> None:
    """Another class of the same problem is refused."""
    words = ("--solver", "fast_tsp", "--time_limit", "1")
    assert label(models, TSP(), tmp_path, *words) == 0
    assert json.loads((tmp_path / "set.json").read_text())["moments"] == 3
    with pytest.raises(NCOError, match="are for TSP only"):
        list(store.read(tmp_path, ATSP()))
    spec = LabelSpec(describe(TSP(5)), "fast_tsp", None, 2, 1, after=("x", "y"))
    assert spec == LabelSpec(describe(TSP(5)), "fast_tsp", None, 2, 1, after=["x", "y"])  # type: ignore[arg-type]
