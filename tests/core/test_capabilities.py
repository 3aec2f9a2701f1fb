"""What only some problems can do: who can, and how that is told."""

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor

from nco import registry
from nco.core.capabilities import (
    CAPABILITIES,
    HasCostSoFar,
    HasStarts,
    Online,
    Reversible,
    methods,
)
from nco.core.problem import AdditiveProblem, Problem
from nco.core.seeds import generator
from nco.problems.hcvrp import HCVRP
from nco.problems.jssp import JSSP
from nco.problems.omdcpdp import OMDCPDP
from nco.problems.tsp import TSP

PLANE = "HasSymmetries HasCases HasPublished"
ROUTES = f"{PLANE} HasStarts HasEquivalents Paddable"
SHOP = "HasMask HasEquivalents HasConsistentActions HasRelatives HasCases"
CHANCE = "Online HasCases"
TOURS = (
    "HasStarts HasFixedFirstAction Replayable Paddable HasWindows HasEquivalents HasRemaining "
    "HasCases HasPublished"
)
WHO = {
    "ATSP": TOURS,
    "CVRP": f"{ROUTES} HasWindows Replayable",
    "CVRPVia": f"{ROUTES} HasWindows HasDemonstrations",
    "FFSP": SHOP,
    "FJSP": SHOP,
    "HCVRP": f"{PLANE} HasEquivalents Selective",
    "Inventory": f"{CHANCE} Selective",
    "JSSP": f"{SHOP} HasPublished",
    "Knapsack": "HasStarts HasEquivalents Paddable HasCases HasPublished",
    "KnapsackRest": "HasStarts HasEquivalents Paddable HasCases HasPublished",
    "OMDCPDP": PLANE,
    "OP": f"{ROUTES} Replayable HasRemaining",
    "Packing": f"{CHANCE} HasHindsight Selective",
    "Rebalancing": CHANCE,
    "Revenue": f"{CHANCE} HasHindsight Selective",
    "SupplyChain": f"{CHANCE} Selective",
    "SupplyShares": f"{CHANCE} Selective",
    "TSP": f"{TOURS} HasSymmetries Reversible",
}


def shipped() -> dict[str, type[Problem[Any, Any]]]:
    """Every problem class that a folder names."""
    found = {}
    for name in registry.names():
        package = importlib.import_module(f"nco.problems.{name}")
        for member in package.__all__:
            part = getattr(package, member)
            if isinstance(part, type) and issubclass(part, Problem):
                found[part.__name__] = part
    return found


@pytest.mark.parametrize("name", sorted(WHO))
def test_each_problem_has_its_capabilities_and_no_others(name: str) -> None:
    """Both a class and its objects are asked; of a new problem, its own tests say what it has."""
    kind = shipped()[name]
    has = {part.__name__ for part in CAPABILITIES if isinstance(kind(), part)}
    assert has == set(WHO[name].split())
    assert has == {part.__name__ for part in CAPABILITIES if issubclass(kind, part)}


def test_methods_are_what_a_problem_must_have() -> None:
    """Private names and what Python adds to a class are none of them."""
    assert methods(HasStarts) == ("start_count", "starts")
    assert methods(Online) == ("traces", "mask_future", "measures")


class Beginning:
    """Has starts without saying so."""

    def start_count(self, instance: Any) -> int:
        return 2

    def starts(self, instance: Any, rollouts: int) -> Tensor:
        return torch.zeros(1, rollouts, 1, dtype=torch.long)


def test_having_the_methods_is_enough() -> None:
    """A user's class need not name a capability among its bases, but must have all of it."""
    assert isinstance(Beginning(), HasStarts)
    half = type("Half", (), {"starts": Beginning.starts})
    assert not isinstance(half(), HasStarts)


def test_a_class_that_names_a_capability_must_have_all_of_it() -> None:
    """Python refuses to construct it otherwise."""
    half = type("Half", (HasStarts,), {"starts": Beginning.starts})
    with pytest.raises(TypeError, match=r"abstract method.*start_count"):
        half()


def test_what_a_capability_gives_by_default() -> None:
    """Actions in reversed states come last, the latest of them first; figures there are none."""
    actions = torch.tensor([[[1, 2, 3, 4, 5]]])
    behind = torch.tensor([[[False, True, False, True, False]]])
    joined = Reversible.joined(TSP(5), None, actions, behind)
    assert joined.tolist() == [[[1, 3, 5, 4, 2]]]
    assert Online.measures(TSP(5), None, actions) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("problem", "knows"),
    [(TSP(5), False), (JSSP(3), True), (HCVRP(5), True), (OMDCPDP(4), True)],
    ids=lambda value: type(value).__name__,
)
def test_some_states_know_their_cost(problem: Problem[Any, Any], knows: bool) -> None:
    """At the beginning nothing is paid."""
    state = problem.reset(problem.generate(2, generator(1)), 3)
    assert isinstance(state, HasCostSoFar) == knows
    if knows:
        assert isinstance(state, HasCostSoFar)
        assert torch.equal(state.cost_so_far, torch.zeros(2, 3).to(state.cost_so_far.dtype))


def test_the_simulations_are_priced_by_their_steps() -> None:
    """Their cost is a sum of step costs; all others price whole solutions."""
    additive = {name for name, kind in shipped().items() if issubclass(kind, AdditiveProblem)}
    assert additive == {
        "Inventory",
        "Rebalancing",
        "SupplyChain",
        "SupplyShares",
    }
