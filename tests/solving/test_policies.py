"""The answers of online problems: time shared by gain, comparisons on equal futures, prices."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import nco
from nco import registry
from nco.cli import main
from nco.core.errors import InstanceError, NCOError
from nco.core.seeds import derive
from nco.problems.inventory import Inventory, files, rules
from nco.solving import turns
from nco.solving.simulate import difference, simulate
from nco.workers.outcome import Outcome

TEXT = """problem: inventory
nodes: {store: {holding: 1, penalty: 4, unmet: lost, demand: {poisson: 5}}}
edges: [{from: supplier, to: store, lead_time: 2}]
simulation: {periods: 60, warmup: 20}
"""
BEST = {"rule": "capped_base_stock", "levels": {"store": 17.0}, "caps": {"store": 5.0}}


def case() -> files.Case:
    """One store with lost sales, in a short simulation."""
    return files.read(TEXT, path="net.yaml")


def base_stock(level: float) -> dict[str, Any]:
    """The rule with this level."""
    return {"rule": "base_stock", "levels": {"store": float(level)}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The store's file."""
    path = tmp_path / "net.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def solvers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, float]]]:
    """Puts solvers in place of the children's: from a start to the next rule, or an error."""

    def put(steps: dict[str, Callable[[Any], Any]], pause: float = 0.0) -> list[tuple[str, float]]:
        asked: list[tuple[str, float]] = []

        def run(lane: Any, case: Any, name: str, **given: Any) -> Outcome:
            asked.append((name, given["time_limit"]))
            time.sleep(pause if given["time_limit"] is None else given["time_limit"])
            return Outcome(steps[name](given["start"]), pause)

        monkeypatch.setattr(turns, "run", run)
        monkeypatch.setattr(turns, "ahead", lambda *given: None)
        from nco.problems.inventory import classical

        monkeypatch.setattr(classical, "policies", lambda case: list(steps))
        return asked

    return put


# ---- time


@pytest.mark.long
def test_a_rule_that_gains_has_all_of_the_time(
    solvers: Callable[..., list[tuple[str, float]]],
) -> None:
    """One rule comes nearer with each round, the other never does; the limit is used and kept."""

    def closer(start: Any) -> Any:
        return base_stock(40 if start is None else start["levels"]["store"] - 3)

    asked = solvers({"base_stock": closer, "newsvendor": lambda start: base_stock(60)})
    begin = time.perf_counter()
    found = nco.solve(case(), time_limit=4, model="none", traces=50)
    seconds = time.perf_counter() - begin
    names = [name for name, _ in asked]
    assert names[:2] == ["base_stock", "newsvendor"]  # each has a beginning, and one round more
    assert names.count("newsvendor") <= 3
    assert names.count("base_stock") >= 3
    assert found.model == "base_stock"
    assert found.solution["levels"]["store"] < 35
    assert 0.75 * 4 < seconds < 6
    costs = [step.cost for step in found.history[:-1]]
    assert costs == sorted(costs, reverse=True)


def test_rules_without_a_gain_end_the_search(
    solvers: Callable[..., list[tuple[str, float]]],
) -> None:
    """Two rounds that bring nothing are enough, and a worse rule is never taken."""
    asked = solvers({"base_stock": lambda start: base_stock(19 if start is None else 50)})
    found = nco.solve(case(), time_limit=3, model="none", traces=50)
    assert len(asked) == 3
    assert found.solution == base_stock(19)


def test_without_a_limit_each_rule_is_found_once(
    solvers: Callable[..., list[tuple[str, float]]],
) -> None:
    """And the cheapest in the trial is the answer."""
    steps = {"base_stock": lambda start: base_stock(30), "newsvendor": lambda start: base_stock(19)}
    asked = solvers(steps)
    found = nco.solve(case(), time_limit=None, model="none", traces=50)
    assert asked == [("base_stock", None), ("newsvendor", None)]
    assert found.solution == base_stock(19)


def test_an_interrupted_search_keeps_the_best_rule(
    solvers: Callable[..., list[tuple[str, float]]],
) -> None:
    """Ctrl-C in a round ends it; the answer is the best one so far, evaluated on few futures."""

    def stopped(start: Any) -> Any:
        if start is not None:
            raise KeyboardInterrupt
        return base_stock(19)

    solvers({"base_stock": stopped})
    found = nco.solve(case(), time_limit=3, model="none", traces=50)
    assert found.status == "INTERRUPTED"
    assert found.solution == base_stock(19)
    assert found.measures["traces"] == 32


# ---- futures


def test_futures_do_not_depend_on_how_many_are_played() -> None:
    """The first 40 of 300 are those of 40 alone, and of any policy."""
    problem = Inventory()
    few, many = (
        simulate(problem, rules.policy(case(), base_stock(19)), case(), traces=count, seed=7)
        for count in (40, 300)
    )
    assert torch.equal(few.costs, many.costs[:40])
    assert difference(few, many) == (0.0, 0.0)


def test_a_difference_is_far_more_precise_than_two_means() -> None:
    """Levels 19 and 20 differ by as much as brute force on other futures says."""
    problem = Inventory()

    def played(level: float, seed: int, traces: int) -> Any:
        policy = rules.policy(case(), base_stock(level))
        return simulate(problem, policy, case(), traces=traces, seed=seed)

    more, error = difference(played(20, 1, 300), played(19, 1, 300))
    one, other = played(20, 2, 6000), played(19, 3, 6000)  # independent futures
    apart = one.cost - other.cost
    noise = (one.cost_standard_error**2 + other.cost_standard_error**2) ** 0.5
    assert error < 0.5 * (2**0.5) * played(19, 1, 300).cost_standard_error
    assert abs(more - apart) < 4 * (error**2 + noise**2) ** 0.5


# ---- a rule of one's own


@pytest.mark.long
def test_a_rule_of_ones_own_is_priced_beside_the_best(file: Path) -> None:
    """The difference is that of both rules on equal futures; the best rule itself has none."""
    found = nco.solve(file, policy="min-max 12 20", model="none", traces=200)
    (row,) = found.comparisons
    assert found.solution == BEST
    assert row["difference"] > 10 * row["difference_standard_error"] > 0
    assert row["difference"] == pytest.approx(row["cost"] - found.cost, abs=1e-9)
    assert row["difference_standard_error"] < row["cost_standard_error"]
    seed = derive(0, "evaluation")
    mine = simulate(
        rules.problem(), rules.policy(case(), row["solution"]), case(), traces=200, seed=seed
    )
    assert mine.cost == row["cost"]
    same = nco.solve(file, policy=BEST, model="none", traces=60).comparisons[0]
    assert (same["difference"], same["difference_standard_error"]) == (0.0, 0.0)


@pytest.mark.long
def test_the_command_says_orders_rule_and_difference(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words that a planner can act on."""
    arguments = ["--traces", "60", "--model", "none", "--policy", "min-max 12 20"]
    with pytest.raises(SystemExit) as stop:
        main(["solve", str(file), *arguments, "--what_if", "edges.store.lead_time=4"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "  order now:\n    store: order 5 from supplier  (stock 0, on order 0)\n" in said
    assert "rule: store: order up to 17, counting stock here and on the way, but at most 5" in said
    assert "your rule (min-max 12 20): cost" in said
    assert "more than the best (same 60 futures)" in said
    assert "what if (edges.store.lead_time=4): cost" in said
    assert "note: the orders assume that all nodes have no stock and nothing on order" in said


@pytest.mark.long
def test_a_changed_network_is_compared_on_equal_futures(file: Path) -> None:
    """A longer lead time costs what the exact optima of capped rules say; no change costs zero."""
    from dataclasses import replace

    from nco.problems.inventory import exact

    found = nco.solve(file, what_if="edges.store.lead_time=1", model="none", traces=400)
    (row,) = found.comparisons
    now = exact.LostSales.of(case()).best_capped()[0]
    then = exact.LostSales.of(replace(case(), lead=case().lead * 0 + 1)).best_capped()[0]
    error = row["difference_standard_error"]
    assert abs(row["difference"] - (then - now)) < 4 * error + 0.02
    assert error < 0.6 * 2**0.5 * row["cost_standard_error"]
    same = nco.solve(file, what_if="nodes.store.penalty=4", model="none", traces=60)
    assert same.comparisons[0]["difference"] == 0.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"policy": "min-max 12"}, "needs 2 numbers for a node"),
        ({"policy": "rule.json"}, "rule.json: cannot be read"),
        ({"policy": {"rule": "base_stock", "levels": {}}}, "must map nodes to numbers"),
        ({"what_if": "edges.shop.lead_time=2"}, "a change is such as"),
        ({"model": "none", "classical": False}, "leave no policy to choose from"),
    ],
)
def test_what_cannot_be_compared_is_named(options: dict[str, Any], sentence: str) -> None:
    """Before anything is searched."""
    with pytest.raises(NCOError, match=sentence):
        nco.solve(case(), **options)


def test_only_online_problems_have_policies() -> None:
    """A tour has no rule to compare with."""
    with pytest.raises(NCOError, match="policy: only online problems"):
        nco.solve([[0, 0], [1, 1], [2, 0]], policy="min-max 1 2")
    with pytest.raises(NCOError, match="of exo give a JSON"):
        nco.solve("example:airline.yaml", policy="min-max 1 2")
    with pytest.raises(NCOError, match="what_if: exo cannot be changed"):
        nco.solve("example:airline.yaml", what_if="a.b=2")


@pytest.mark.long
@pytest.mark.parametrize("source", ["example:airline.yaml", None])
def test_without_a_model_classical_rules_answer(source: str | None) -> None:
    """Where networks ship for the case, too."""
    found = nco.solve(source or case(), model="none", traces=20)
    assert set(found.solution) >= {"rule"}
    assert found.model in registry.folder(found.problem).classical.solvers()


# ---- prices of rules


@pytest.mark.long
def test_a_saved_rule_costs_again_what_it_cost(file: Path, tmp_path: Path) -> None:
    """`nco check` simulates what `--save` wrote, on the same futures, and prints its figures."""
    found = nco.solve(file, model="none")
    found.save(tmp_path / "rule.json")
    report = nco.check(file, tmp_path / "rule.json")
    assert report.feasible
    assert report.cost == pytest.approx(found.cost, abs=1e-12)
    assert report.cost_standard_error == pytest.approx(found.cost_standard_error)
    assert report.measures == found.measures


def test_a_rule_written_by_hand_is_priced(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON and as a table of a spreadsheet; a wrong one is named with its file."""
    hand = tmp_path / "hand.json"
    hand.write_text(json.dumps(base_stock(19)))
    with pytest.raises(SystemExit) as stop:
        main(["check", str(file), str(hand)])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("feasible, objective 5.")
    assert " ±0.0" in said
    assert "service_level 0.9" in said
    table = tmp_path / "rule.csv"
    table.write_text("store,min,max\nstore,14,18\n")
    priced = nco.check(file, table)
    assert priced.cost == nco.check(file, case().policy_in_words("min-max 14 18")).cost
    table.write_text("store,min,max\nshop,14,18\n")
    with pytest.raises(InstanceError, match=r"rule\.csv:2: policy shop: an unknown node"):
        nco.check(file, table)
    hand.write_text(json.dumps({"rule": "base_stock", "levels": {"shop": 3}}))
    with pytest.raises(InstanceError, match=r"hand\.json: levels shop: an unknown node"):
        nco.check(file, hand)
    hand.write_text("{")
    with pytest.raises(InstanceError, match=r"hand\.json: policy: not JSON"):
        nco.check(file, hand)


def test_plans_are_still_checked_as_plans() -> None:
    """Orders of a known trace are not simulated."""
    known = files.from_arrays(
        {
            "nodes": {"store": {"holding": 1, "penalty": 4, "demand": {"poisson": 5}}},
            "edges": [{"from": "supplier", "to": "store", "lead_time": 0}],
            "trace": {"store": [3, 3]},
        }
    )
    assert nco.check(known, [[3.0], [3.0]]).cost == 0
    assert nco.check(known, [[3.0], [3.0]]).cost_standard_error is None
