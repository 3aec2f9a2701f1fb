"""Pictures of answers: policies are shown by what they do on one random future."""

from dataclasses import replace
from typing import Any

import pytest
from matplotlib.figure import Figure

import nco
from nco.core.case import Case
from nco.problems.inventory import files
from nco.solving.drawing import draw


def drawn(case: Case, solution: Any) -> Any:
    """The axes that a solution was drawn on."""
    ax = Figure().add_subplot()
    draw(case, solution, ax)
    return ax


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("netflow/1F3S.yaml", {"rule": "equal"}),
        ("rebalancing/fleet.json", {"rule": "equal"}),
        ("packing/bins.yaml", {"rule": "first_fit"}),
        ("exo/airline.yaml", {"rule": "greedy"}),
    ],
)
def test_a_rule_is_drawn_on_a_random_future(name: str, rule: dict[str, Any]) -> None:
    """A case without a trace shows lines, not the words that there is no trace."""
    ax = drawn(nco.read(f"example:{name}"), rule)
    assert ax.lines or ax.images
    assert "no trace" not in ax.get_title()


def test_a_long_simulation_is_drawn_in_part() -> None:
    """The warm-up ends at a dotted line, and sixty periods come after it at most."""
    case = nco.read("example:inventory/lost_poisson_L2_p9.yaml")
    assert isinstance(case, files.Case)
    rule = {"rule": "base_stock", "levels": {case.nodes[0]: 20}}
    ax = drawn(replace(case, periods=5000, warmup=1000), rule)
    assert len(ax.lines[0].get_xdata()) == 120
    assert ax.lines[-1].get_xdata() == [60, 60]
