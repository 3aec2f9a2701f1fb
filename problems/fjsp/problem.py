"""The flexible job shop scheduling problem."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasCases
from nco.core.case import Case, only
from nco.core.geometry import check_size, draw_size
from nco.problems._shop.instances import Instance
from nco.problems._shop.plan import Plan
from nco.problems._shop.problem import Shop
from nco.problems.fjsp import files

LONGEST = 20  # mean duration of an operation
SPREAD = 0.2  # of the number of operations and of the durations around their means


class FJSP(Shop, HasCases):
    """Schedule jobs whose operations follow one another, each on any one of some machines.

    - instance, action, mask, end, cost: as in `Shop`; nodes are alternatives;
    - generator: a job has 0.8 to 1.2 times as many operations as there are machines, an operation
      any number of alternatives on random machines, with a mean duration uniform in 1..20 and
      durations uniform within a fifth of it (SD1 of Song et al., "Flexible job-shop scheduling via
      graph neural network and deep reinforcement learning", IEEE TII 2023).

    Args:
        size: number of jobs, or ``[low, high]`` drawn for each batch.
        machines: or by default half as many as there are jobs, rounded up.
    """

    tiny = 3

    def __init__(self, size: int | list[int] = 10, machines: int | None = None) -> None:
        self.size = check_size(size)
        if machines is not None and machines < 1:
            raise ValueError(f"machines must be at least 1, not {machines}")
        self.machines = machines

    def generate(self, batch: int, generator: Generator) -> Instance:
        jobs = draw_size(self.size, generator)
        machines = self.machines or (jobs + 1) // 2
        low = max(1, round((1 - SPREAD) * machines))
        most = max(low, round((1 + SPREAD) * machines))

        def whole(least: int, greatest: int, *shape: int) -> Tensor:
            return torch.randint(
                least, greatest + 1, shape, generator=generator, device=generator.device
            )

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=generator.device)

        count = whole(low, most, batch, jobs, 1, 1)
        wide = whole(1, machines, batch, jobs, most, 1)
        mean = whole(1, LONGEST, batch, jobs, most, 1).double()
        machine = uniform(batch, jobs, most, machines).argsort(-1)
        least = (mean * (1 - SPREAD)).round().clamp_min(1)
        greatest = (mean * (1 + SPREAD)).round()
        drawn = uniform(batch, jobs, most, machines).double()
        duration = (least + drawn * (greatest - least + 1)).floor().minimum(greatest)
        place = torch.arange(most, device=count.device)[:, None]
        exists = (place < count) & (torch.arange(machines, device=count.device) < wide)
        zero = exists.logical_not()
        # columns that no operation of this batch needs would only be carried along
        kept = int(wide.max())
        return self._made(
            duration.masked_fill(zero, 0.0)[..., :kept],
            machine.masked_fill(zero, 0)[..., :kept],
            exists[..., :kept],
            machines,
        )

    def load(self, cases: Sequence[Case]) -> Instance:
        return self._instance([case.work for case in only(cases, files.Case)])

    def cases(self, instance: Instance) -> list[Case]:
        machines = instance.load.shape[1]
        return [
            files.Case(name=f"fjsp-{b}", work=self._work(instance, b), machines=machines)
            for b in range(len(instance))
        ]

    def solution(self, instance: Instance, actions: Tensor) -> list[Any]:
        return [files.scheduled(plan) for plan in self.plan(instance, actions)]

    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        return self.follow(
            instance, [Plan(schedule["start"], schedule["machine"]) for schedule in solutions]
        )
