"""The job shop scheduling problem."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasCases, HasPublished
from nco.core.case import Case, only
from nco.core.geometry import check_size, draw_size
from nco.problems._shop.instances import Instance
from nco.problems._shop.plan import Plan
from nco.problems._shop.problem import Shop
from nco.problems.jssp import files

SHORTEST, LONGEST = 1, 98  # durations of the generator


class JSSP(Shop, HasCases, HasPublished):
    """Schedule jobs, each of which visits machines once in an order of its own.

    A case's jobs may skip machines; those of the generator visit all.

    - instance, action, mask, end, cost: as in `Shop`, each operation having one machine: node
      ``job * operations + operation``;
    - generator: durations uniform in 1..98, orders uniform (Zhang et al., "Learning to dispatch for
      job shop scheduling via deep reinforcement learning", NeurIPS 2020; after Taillard 1993).

    Args:
        size: number of jobs, or ``[low, high]`` drawn for each batch.
        machines: or by default as many as there are jobs.
    """

    tiny = 3

    def __init__(self, size: int | list[int] = 10, machines: int | None = None) -> None:
        self.size = check_size(size)
        if machines is not None and machines < 1:
            raise ValueError(f"machines must be at least 1, not {machines}")
        self.machines = machines

    def generate(self, batch: int, generator: Generator) -> Instance:
        jobs = draw_size(self.size, generator)
        shape, device = (batch, jobs, self.machines or jobs, 1), generator.device
        duration = torch.randint(
            SHORTEST, LONGEST + 1, shape, generator=generator, device=device
        ).double()
        machine = torch.rand(shape, generator=generator, device=device).argsort(2)
        exists = torch.ones(shape, dtype=torch.bool, device=device)
        return self._made(duration, machine, exists, shape[2])

    def load(self, cases: Sequence[Case]) -> Instance:
        return self._instance([case.work for case in only(cases, files.Case)])

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b in range(len(instance)):
            cases.append(files.of_work(self._work(instance, b), name=f"jssp-{b}", names={}))
        return cases

    def solution(self, instance: Instance, actions: Tensor) -> list[Any]:
        return [plan.start for plan in self.plan(instance, actions)]

    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        machines = instance.machine[..., 0].tolist()
        return self.follow(
            instance,
            [
                Plan(start, [row[: len(times)] for row, times in zip(rows, start, strict=False)])
                for rows, start in zip(machines, solutions, strict=True)
            ],
        )

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """The sets of Zhang et al. (2020): durations, then machines, instance after instance.

        Seed 200 is the literature's test set. As many machines as `machines` says, or `size`.
        """
        random = np.random.RandomState(seed)
        shape = (size, self.machines or size)
        cases: list[Case] = []
        for b in range(count):
            durations = random.randint(SHORTEST, LONGEST + 1, shape)
            machines = random.random_sample(shape).argsort(1)
            name = f"jssp{shape[0]}x{shape[1]}-{seed}-{b}"
            cases.append(files.Case(name=name, machines=machines, durations=durations))
        return cases
