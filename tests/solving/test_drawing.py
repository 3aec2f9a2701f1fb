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


@pytest.mark.long
def test_a_long_simulation_is_drawn_in_part() -> None:
    """Sixty periods, after the warm-up; the mean over many futures, with its spread."""
    case = nco.read("example:inventory/lost_poisson_L2_p9.yaml")
    assert isinstance(case, files.Case)
    rule = {"rule": "min_max", "min": {case.nodes[0]: 14}, "max": {case.nodes[0]: 20}}
    ax = drawn(replace(case, periods=5000, warmup=1000), rule)
    (panel,) = [other for other in ax.figure.axes if other is not ax]
    lines = {line.get_label(): line for line in panel.lines}
    assert list(lines["stock"].get_xdata()) == list(range(1, 61))
    assert set(lines["reorder level"].get_ydata()) == {14}
    assert set(lines["order up to"].get_ydata()) == {20}
    assert 2 < min(lines["stock"].get_ydata()) < max(lines["stock"].get_ydata()) < 8
    assert len(panel.collections) == 1
