"""The names and units of columns, and what `build` refuses."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.schema import Channel, Column, Schema, Unit, channels, columns
from nco.core.seeds import generator
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.hcvrp import HCVRP
from nco.problems.omdcpdp import OMDCPDP
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.testing.play import chosen

SCHEMA = Schema(
    nodes=(*columns("x", "y", unit=Unit.LENGTH), Column("demand", Unit.LOAD)),
    groups=("job", "machine"),
    follows=True,
    context=(Column("left", Unit.TIME), Column("share")),
    focus=("current",),
)


def test_columns_are_found_by_name() -> None:
    """Names that stand alone (sets, nodes in focus) are columns without a unit."""
    assert SCHEMA.index(Channel.NODES, "demand") == 2
    assert SCHEMA.index(Channel.GROUPS, "machine") == 1
    assert SCHEMA.columns(Channel.FOCUS) == (Column("current"),)
    assert SCHEMA.columns(Channel.MOVES) == ()
    with pytest.raises(NCOError, match="context has no column 'demand': there are left, share"):
        SCHEMA.index(Channel.CONTEXT, "demand")
    with pytest.raises(NCOError, match="moves has no column 'distance': there are none"):
        SCHEMA.index(Channel.MOVES, "distance")


def test_channels_with_columns_are_offered() -> None:
    """In the order of `Channel`, and without those that are left out."""
    offered = (Channel.NODES, Channel.GROUPS, Channel.FOLLOWS, Channel.CONTEXT, Channel.FOCUS)
    assert SCHEMA.offered == offered
    less = SCHEMA.without([Channel.FOLLOWS, Channel.CONTEXT])
    assert less.offered == (Channel.NODES, Channel.GROUPS, Channel.FOCUS)
    with pytest.raises(ValueError, match="at least one column of nodes"):
        SCHEMA.without([Channel.NODES])


def test_lengths_and_times_are_scaled() -> None:
    """Amounts and shares are not."""
    assert SCHEMA.scaled(Channel.NODES) == (0, 1)
    assert SCHEMA.scaled(Channel.CONTEXT) == (0,)
    assert SCHEMA.scaled(Channel.FOCUS) == ()
    assert SCHEMA.xy == 2
    assert replace(SCHEMA, nodes=columns("x")).xy == 0


def test_names_are_unique_and_known() -> None:
    """Twice the same name, or the name of no channel, is refused with what is wrong."""
    with pytest.raises(ValueError, match="context has several columns named left"):
        Schema(nodes=columns("x"), context=columns("left", "share", "left"))
    with pytest.raises(ValueError, match="'contexts' is not a channel: there are nodes, edges"):
        channels(["nodes", "contexts"])
    assert channels(["nodes", "moves"]) == {Channel.NODES, Channel.MOVES}


class Blind(Policy):
    """Reads nodes, and the context where it need not be ignored."""

    reads = frozenset({Channel.NODES, Channel.CONTEXT})

    def make_layers(self, schema: Schema) -> None:
        self.widths = len(schema.nodes), len(schema.context)

    def encode(self, features: Features) -> None:
        return None

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        return Categorical(torch.zeros(observation.mask.shape), observation.mask)


def test_build_refuses_what_would_be_dropped() -> None:
    """In one line with the channel, its columns, and what to do."""
    with pytest.raises(NCOError) as caught:
        Blind().build(SCHEMA)
    line = str(caught.value)
    assert line == (
        "Blind does not read groups (job, machine) and follows (after, before) and focus (current) "
        "that the problem offers: take a policy that does, or tell it to ignore: "
        "[groups, follows, focus]"
    )


def test_what_is_ignored_is_not_read() -> None:
    """A policy has no layers for a channel that it could read but is told to ignore."""
    names = ["groups", "follows", "focus"]
    assert Blind(names).build(SCHEMA).widths == (3, 2)
    built = Blind([*names, "context"]).build(SCHEMA)
    assert built.widths == (3, 0)
    assert built.schema == SCHEMA.without([Channel.CONTEXT])
    with pytest.raises(ValueError, match="'context ' is not a channel"):
        Blind(["context "])


PLANE: list[Problem[Any, Any]] = [
    *(TSP(6), ATSP(6), CVRP(6), CVRPVia(6), OP(6)),
    *(HCVRP(6, vehicles=2), OMDCPDP(3, vehicles=2)),
]
GEOMETRY = ("coords", "distances", "limit")


@pytest.mark.parametrize("problem", PLANE, ids=lambda one: type(one).__name__)
def test_units_are_what_they_say(problem: Problem[Any, Any]) -> None:
    """In an instance of half the size, along the same actions, lengths and times are half as large
    and everything else is the same."""
    instance = problem.generate(3, generator(0))
    given = {item.name: getattr(instance, item.name) for item in fields(instance)}
    geometry = {name: given[name] for name in GEOMETRY if given.get(name) is not None}
    smaller = replace(instance, **{name: value * 0.5 for name, value in geometry.items()})
    pairs = [(problem.features(instance), problem.features(smaller))]
    state, other = problem.reset(instance, 4), problem.reset(smaller, 4)
    random = generator(1)
    for _ in range(problem.horizon(instance)[0]):
        seen, less = problem.observe(instance, state), problem.observe(smaller, other)
        assert torch.equal(seen.mask, less.mask)
        compare(problem.schema, pairs[0], (seen, less))
        action = chosen(seen.mask, random)
        if seen.stay is not None:
            action = action.clone()
            action[..., 1:] = seen.stay[..., 1:]  # one agent moves, so nothing is contested
        state = problem.step(instance, state, action)
        other = problem.step(smaller, other, action)


def compare(
    schema: Schema,
    features: tuple[Features, Features],
    observations: tuple[Observation, Observation],
) -> None:
    """Column by column, by the unit that the schema says."""
    tensors = {
        Channel.NODES: [part.nodes for part in features],
        Channel.EDGES: [part.edges for part in features],
        Channel.DYNAMIC: [part.nodes for part in observations],
        Channel.CONTEXT: [part.context for part in observations],
        Channel.MOVES: [part.moves for part in observations],
    }
    for channel, (whole, half) in tensors.items():
        scaled = schema.scaled(channel)
        for at, column in enumerate(schema.columns(channel)):
            assert whole is not None
            assert half is not None
            wanted = whole[..., at] * (0.5 if at in scaled else 1.0)
            torch.testing.assert_close(half[..., at], wanted, msg=f"{channel}.{column.name}")
