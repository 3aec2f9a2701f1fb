"""Drops the agents of a population that add nothing on a validation set."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nco.core.defaults import count_starts
from nco.core.errors import NCOError
from nco.core.policy import Population
from nco.labels.store import read
from nco.search.budget import Budget
from nco.search.population import play
from nco.search.task import Task
from nco.training.references import folder_of, refuse_other
from nco.zoo import weights


@dataclass(frozen=True)
class Pruned:
    """What was kept.

    Attributes:
        agents: numbers of the agents that stay, the one that helps most first.
        gaps: mean gap in percent of the first one, the first two, ... of `agents`.
        all_gap: that of the whole population.
        instances: of the validation set.
    """

    agents: list[int]
    gaps: list[float]
    all_gap: float
    instances: int


def prune(
    model: str, output: Path, reference: str, *, most: int | None = None, count: int | None = None
) -> Pruned:
    """Writes a model folder with the agents that lower the mean cost, chosen greedily one by one.

    Args:
        model: a shipped model, a folder or a checkpoint of a population.
        output: the new folder.
        reference: a labelled set, or the name of one that ships with the package.
        most: keep at most so many agents; None: all that improve the mean.
        count: first instances of the set; None: all.

    Raises:
        NCOError: where the model is no population.
    """
    loaded = weights.load(model)
    if not isinstance(loaded.policy, Population) or loaded.policy.agents < 2:
        raise NCOError(f"model {model} has one agent: there is nothing to prune")
    gaps = _gaps(loaded, reference, count)
    chosen = select(gaps, most or gaps.shape[1])
    means = [float(gaps[:, chosen[: i + 1]].amin(1).mean()) for i in range(len(chosen))]
    pruned = Pruned(chosen, means, float(gaps.amin(1).mean()), len(gaps))
    dropped = ("format", "name", "problem", "policy", "parameters", "sha256")
    about = {key: value for key, value in loaded.card.items() if key not in dropped}
    # measurements of all agents do not hold for some of them
    about = {**about, "measured": [], "searches": [], "canary": None}
    about["pruned"] = {"from": loaded.name, "agents": chosen, "set": reference}
    weights.save(output, loaded.problem, loaded.policy.keep(chosen), about)
    return pruned


def select(gaps: Tensor, most: int) -> list[int]:
    """Agents by greedy forward selection: ``[I, K]`` gaps; each lowers the mean of the least."""
    chosen: list[int] = []
    least = torch.full_like(gaps[:, :1], torch.inf)
    while len(chosen) < most:
        with_each = torch.minimum(gaps, least).mean(0)
        best = int(with_each.argmin())
        if chosen and not float(with_each[best]) < float(least.mean()):
            break
        chosen.append(best)
        least = torch.minimum(least, gaps[:, best : best + 1])
    return chosen


def _gaps(loaded: weights.Model, reference: str, count: int | None) -> Tensor:
    """``[I, K]``: the gap in percent of every agent's best start."""
    folder = folder_of(reference)
    refuse_other(folder, loaded.problem)
    problem, policy, rows = loaded.problem, loaded.policy, []
    with torch.inference_mode():
        for part in read(folder, problem):
            part = part[:count] if count else part
            task = Task(problem, policy, part.instance)
            starts = count_starts(problem, part.instance)
            costs = []
            for agent in range(policy.agents):
                played = play(task, [agent], starts, Budget())
                assert played is not None  # there is no deadline
                costs.append(played.cost.amin(1))
            best = part.cost.amin(1, keepdim=True)
            rows.append(100 * (torch.stack(costs, 1) - best) / best.abs())
    return torch.cat(rows)
