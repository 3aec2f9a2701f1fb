"""Conflicts between agents are settled as a slow and obvious version settles them."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.conflicts import (
    Closest,
    FirstAgent,
    Handler,
    HighestProbability,
    OneAtATime,
    RandomAgent,
    settle,
)
from nco.core.problem import Observation
from nco.core.seeds import generator

CASES = 4000


def crowd(agents: int, nodes: int, seed: int) -> tuple[Tensor, Tensor, Observation]:
    """Random picks; the first `agents` actions are homes, where anyone may stay."""
    random = generator(seed, "crowd")
    shape = (CASES // 4, 4, agents)
    picks = torch.randint(agents + nodes, shape, generator=random)
    # coarse, so that ties are frequent
    logp = torch.randint(-3, 1, shape, generator=random).float()
    shared = torch.arange(agents + nodes).expand(*shape[:2], -1) >= agents
    moves = torch.randint(4, (*shape, agents + nodes, 2), generator=random).float()
    stay = torch.arange(agents).expand(shape)
    mask = torch.ones(*shape, agents + nodes, dtype=torch.bool)
    focus, context = stay[..., None], logp[..., None]
    return picks, logp, Observation(mask, focus, context, stay=stay, shared=shared, moves=moves)


def obvious(picks: list[int], priority: list[float], shared: list[bool], stay: list[int]) -> Any:
    """One conflict after the other."""
    actions = list(picks)
    for action in set(picks):
        wanting = [agent for agent, pick in enumerate(picks) if pick == action]
        if shared[action]:
            winner = max(wanting, key=lambda agent: (priority[agent], -agent))
            for agent in wanting:
                if agent != winner:
                    actions[agent] = stay[agent]
    return actions


PRIORITIES: dict[Handler, Callable[[Tensor, Tensor, Observation], Tensor]] = {
    HighestProbability(): lambda picks, logp, seen: logp,
    FirstAgent(): lambda picks, logp, seen: torch.zeros_like(logp),
    Closest(): lambda picks, logp, seen: -seen.moves[..., 0].gather(-1, picks[..., None])[..., 0],
}


@pytest.mark.long
@pytest.mark.parametrize("handler", PRIORITIES, ids=lambda handler: type(handler).__name__)
@pytest.mark.parametrize(("agents", "nodes"), [(1, 3), (2, 1), (3, 4), (7, 5)])
def test_conflicts_are_settled_as_by_hand(handler: Handler, agents: int, nodes: int) -> None:
    """Each handler gives the node to the agent that a plain loop gives it to."""
    picks, logp, seen = crowd(agents, nodes, 1)
    priority = PRIORITIES[handler](picks, logp, seen)
    found = handler(picks, logp, seen)
    rows = zip(picks.flatten(0, 1).tolist(), priority.flatten(0, 1).tolist(), strict=True)
    shared, stay = seen.shared[0, 0].tolist(), seen.stay[0, 0].tolist()
    wanted = [obvious(one, order, shared, stay) for one, order in rows]
    assert found.flatten(0, 1).tolist() == wanted
    assert agents == 1 or bool((found != picks).any())


def test_a_random_agent_wins() -> None:
    """Exactly one of those that want an action keeps it; each of them does now and then."""
    picks, logp, seen = crowd(3, 1, 2)
    picks = torch.full_like(picks, 3)
    found = RandomAgent()(picks, logp, seen)
    assert torch.equal(found, RandomAgent()(picks, logp, seen))
    wins = found == 3
    assert bool((wins.sum(-1) == 1).all())
    share = wins.float().mean((0, 1))
    assert bool(((share - 1 / 3).abs() < 5 * math.sqrt(2 / 9 / CASES)).all())
    assert not torch.equal(found, RandomAgent(1)(picks, logp, seen))


def test_one_at_a_time() -> None:
    """The surest of those that want to move does; nobody where nobody wants to."""
    picks, logp, seen = crowd(4, 3, 3)
    found = OneAtATime()(picks, logp, seen)
    for before, after, sure in zip(
        picks.flatten(0, 1).tolist(),
        found.flatten(0, 1).tolist(),
        logp.flatten(0, 1).tolist(),
        strict=True,
    ):
        moving = [agent for agent in range(4) if before[agent] != agent]
        wanted = list(range(4))
        if moving:
            mover = max(moving, key=lambda agent: (sure[agent], -agent))
            wanted[mover] = before[mover]
        assert after == wanted


def test_an_action_that_is_not_shared_is_kept_by_all() -> None:
    """Agents may take it together, and problems without moves are refused."""
    picks, logp, seen = crowd(3, 4, 4)
    alone = Observation(
        seen.mask, seen.focus, seen.context, stay=seen.stay, shared=torch.zeros_like(seen.shared)
    )
    assert torch.equal(settle(picks, logp, alone), picks)
    with pytest.raises(ValueError, match="moves"):
        Closest()(picks, logp, alone)
