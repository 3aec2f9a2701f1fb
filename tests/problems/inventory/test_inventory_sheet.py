"""What to order is a table: of a policy with its numbers, of a plan order by order."""

from pathlib import Path
from typing import Any

import pytest

import nco
from nco.core.errors import InstanceError
from nco.problems.inventory.sheet import policy_table, table
from nco.solving import versus
from nco.solving.simulate import next_action

NETWORK = """
problem: inventory
nodes:
  shop: {holding: 1, penalty: 9, unmet: lost, stock: 3, on_order: [0, 2], demand: {poisson: 5}}
  depot: {holding: 0.3, stock: 4}
edges:
  - {from: supplier, to: depot, lead_time: 3}
  - {from: depot, to: shop, lead_time: 2}
  - {from: supplier, to: shop, lead_time: 1}
"""
RULES: list[tuple[str, list[str]]] = [
    ("base-stock shop=21 depot=30", ["order up to"]),
    ("capped-base-stock shop=21/4 depot=30/9", ["order up to", "largest order"]),
    ("min-max shop=9/21 depot=8/30 every 2", ["reorder point", "order up to", "review"]),
    ("reorder-quantity shop=9/6 depot=8/12", ["reorder point", "order quantity"]),
]


@pytest.fixture
def case(tmp_path: Path) -> Any:
    """A depot and a shop that has two suppliers."""
    path = tmp_path / "network.yaml"
    path.write_text(NETWORK)
    return nco.read(path)


@pytest.mark.parametrize(("words", "headers"), RULES)
def test_a_policy_is_a_table_that_is_read_as_the_same_policy(
    case: Any, words: str, headers: list[str], tmp_path: Path
) -> None:
    """A row a node and supplier with stock, orders and numbers; `--policy` takes it."""
    rule = case.policy_in_words(words)
    orders = case.orders(next_action(case, rule))
    made = policy_table(case, rule, orders)
    first = ("node", "supplier", "stock", "on order", "order now", "sent now")
    assert made.columns == (*first, *headers)
    assert [row[:4] for row in made.rows] == [
        ["depot", "supplier", 4, 0],
        ["shop", "depot", 3, 2],
        ["shop", "supplier", 3, 2],
    ]
    assert [row[4:6] for row in made.rows] == [[row["order"], row["sent"]] for row in orders]
    path = tmp_path / "plan.csv"
    lines = [",".join(map(str, row)) for row in (made.columns, *made.rows)]
    path.write_text("\n".join(lines) + "\n")
    again = versus.policy(case, str(path))
    assert again.pop("review", 2) in (2, {"shop": 2, "depot": 2})
    rule.pop("review", None)
    assert again == rule


@pytest.mark.long
def test_what_solve_found_is_saved_as_a_table(case: Any, tmp_path: Path) -> None:
    """As a frame, as CSV and as a workbook."""
    solution = nco.solve(case, model="none", traces=40)
    frame = solution.table()
    assert frame["node"].tolist() == ["depot", "shop", "shop"]
    assert frame["order now"].tolist() == [row["order"] for row in solution.orders]
    for ending in ("csv", "xlsx"):
        solution.save(tmp_path / f"plan.{ending}")
    text = (tmp_path / "plan.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("node,supplier,stock,on order,order now,sent now,")
    assert len(text.splitlines()) == 4


def test_levels_by_season_have_a_column_for_each_period_from_now(tmp_path: Path) -> None:
    """The first is that of the period in which is ordered, which the history's length says."""
    path = tmp_path / "shop.yaml"
    series = [2, 9, 4] * 4 + [2]
    path.write_text(
        "problem: inventory\nnodes:\n  shop: {holding: 1, penalty: 9}\n"
        "edges:\n  - {from: supplier, to: shop, lead_time: 1}\n"
        f"season: 3\nhistory: {{shop: {series}}}\n"
    )
    case: Any = nco.read(path)
    rule = {"rule": "base_stock", "levels": {"shop": [5, 12, 8]}}
    made = policy_table(case, rule, case.orders(next_action(case, rule)))
    assert made.columns[6:] == (
        "order up to now",
        "order up to in 1 period",
        "order up to in 2 periods",
    )
    assert made.rows[0][4:] == [12, 12, 12, 8, 5]


def test_an_echelon_rule_is_not_read_as_another(case: Any, tmp_path: Path) -> None:
    """Its column says that all below counts, and a table of it is refused as a policy."""
    rule = case.policy_in_words("echelon-stock shop=21 depot=50")
    made = policy_table(case, rule, case.orders(next_action(case, rule)))
    assert made.columns[6] == "order up to, counting all below"
    path = tmp_path / "plan.csv"
    rows = [[f'"{cell}"' for cell in row] for row in (made.columns, *made.rows)]
    path.write_text("\n".join(map(",".join, rows)) + "\n")
    with pytest.raises(InstanceError, match="needs the columns node, min, max"):
        versus.policy(case, str(path))


def test_a_plan_of_a_known_trace_has_a_row_for_each_order(tmp_path: Path) -> None:
    """With the period in which it arrives; periods without an order have none."""
    path = tmp_path / "trace.yaml"
    path.write_text(NETWORK + "trace: {shop: [1, 2]}\n")
    case: Any = nco.read(path)
    made = table(case, [[5.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert made.rows == [
        [0, "depot", "supplier", 5.0, 3],
        [0, "shop", "supplier", 1.0, 1],
        [1, "shop", "depot", 2.0, 3],
    ]
