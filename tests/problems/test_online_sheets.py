"""Plans of online problems for a known trace are tables; policies without numbers are not."""

from typing import Any

import pytest

import nco
from nco import registry
from nco.core.errors import NCOError
from nco.core.seeds import generator
from nco.solving import tabular

EXAMPLES = {
    "netflow": "example:netflow/1F2S.yaml",
    "rebalancing": "example:fleet.json",
    "packing": "example:bins.yaml",
    "exo": "example:airline.yaml",
}


def with_trace(name: str) -> Any:
    """The example's case, with its own trace or a drawn one."""
    case = nco.read(EXAMPLES[name])
    if case.foreseen:
        return case
    problem: Any = registry.folder(name).problem_class()
    return problem.cases(problem.traces(case, 1, generator(3, "sheet")))[0]


def columns(name: str, case: Any, plan: Any) -> dict[str, list[Any]]:
    """The cells of a plan's table by its headers."""
    made = registry.folder(name).sheet.table(case, plan)
    assert made.rows
    cells = zip(*made.rows, strict=True)
    return dict(zip(made.columns, map(list, cells), strict=True))


def test_a_network_flow_has_a_row_a_period() -> None:
    """What is produced, shipped and demanded."""
    case = with_trace("netflow")
    plan = [[float(t), 1.0, 2.0] for t in range(case.periods)]
    cells = columns("netflow", case, plan)
    assert cells["period"] == list(range(case.periods))
    assert cells["produce"] == [float(t) for t in range(case.periods)]
    assert cells[f"ship to {case.stores[1]}"] == [2.0] * case.periods
    assert cells[f"demand of {case.stores[0]}"] == case.demand[:, 0].tolist()


def test_moves_of_vehicles_have_a_row_where_anybody_asks_or_drives() -> None:
    """Requests of the whole trace are there, and an empty drive where nobody asked."""
    case = with_trace("rebalancing")
    plan = case.construct()
    plan[1][1][0][2] = 2.0
    cells = columns("rebalancing", case, plan)
    assert sum(cells["requests"]) == case.trips.sum()
    assert sum(cells["served"]) == 0
    row = cells["sent empty"].index(2.0)
    assert (cells["period"][row], cells["from"][row]) == (1, case.regions[0])
    assert cells["to"][row] == case.regions[2]
    assert cells["arrive in period"][row] == 1 + case.times[0, 2]


def test_packed_items_have_a_row_in_order_of_arrival() -> None:
    """Kind, bin, and what it needs; all that arrived are there."""
    case = with_trace("packing")
    plan = case.numbered(case.construct())
    cells = columns("packing", case, plan)
    arrived = [t for t in range(case.periods) if case.arrivals[t] >= 0]
    assert cells["period"] == arrived
    assert cells["item"] == [case.kinds[case.arrivals[t]] for t in arrived]
    assert all(t in plan[bin_ - 1] for t, bin_ in zip(arrived, cells["bin"], strict=True))
    assert cells[case.resources[0]] == [case.needs[case.arrivals[t], 0] for t in arrived]


def test_arrivals_are_accepted_or_rejected_in_rows() -> None:
    """The last sum of revenues is what the checker says."""
    case = with_trace("exo")
    plan = case.construct()
    cells = columns("exo", case, plan)
    taken = [t for t, d in zip(cells["period"], cells["decision"], strict=True) if d == "accept"]
    assert taken == sorted(plan)
    assert cells["revenue so far"][-1] == nco.check(case, plan).objective


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_policy_without_numbers_is_no_table(name: str) -> None:
    """One line, with what to do."""
    case = nco.read(EXAMPLES[name])
    rule = {"rule": "greedy"}
    with pytest.raises(NCOError, match=f"the policy greedy of {name} is no table: save .json"):
        tabular.table_of(case, rule, [])
