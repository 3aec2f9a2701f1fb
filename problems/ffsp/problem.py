"""The flexible flow shop scheduling problem."""

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
from nco.problems.ffsp import files

SHORTEST, LONGEST = 2, 9  # durations of the generator


class FFSP(Shop, HasCases):
    """Schedule jobs that all go through the same stages, each on any machine of the stage.

    - instance, action, mask, end, cost: as in `Shop`; an operation is a stage, and node
      ``(job * stages + stage) * machines + k`` is the stage's k-th machine;
    - generator: durations uniform in 2..9, of every job on every machine (Kwon et al., "Matrix
      encoding networks for neural combinatorial optimization", NeurIPS 2021).

    Args:
        size: number of jobs, or ``[low, high]`` drawn for each batch.
        stages: how many.
        machines: of each stage.
    """

    tiny = 1

    def __init__(self, size: int | list[int] = 20, stages: int = 3, machines: int = 4) -> None:
        self.size = check_size(size)
        if stages < 1 or machines < 1:
            raise ValueError(f"stages and machines must be at least 1, not {stages}, {machines}")
        self.stages, self.machines = stages, machines

    def generate(self, batch: int, generator: Generator) -> Instance:
        shape = (batch, draw_size(self.size, generator), self.stages, self.machines)
        device = generator.device
        duration = torch.randint(SHORTEST, LONGEST + 1, shape, generator=generator, device=device)
        machine = torch.arange(self.stages * self.machines, device=device)
        machine = machine.view(self.stages, self.machines).expand(shape).contiguous()
        exists = torch.ones(shape, dtype=torch.bool, device=device)
        return self._made(duration.double(), machine, exists, self.stages * self.machines)

    def load(self, cases: Sequence[Case]) -> Instance:
        return self._instance([case.work for case in only(cases, files.Case)])

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b in range(len(instance)):
            work = self._work(instance, b)
            stages = tuple(len(choices) for choices in work[0])
            cases.append(
                files.Case(name=f"ffsp-{b}", work=work, machines=sum(stages), stages=stages)
            )
        return cases

    def solution(self, instance: Instance, actions: Tensor) -> list[Any]:
        return [files.scheduled(plan) for plan in self.plan(instance, actions)]

    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        return self.follow(
            instance, [Plan(schedule["start"], schedule["machine"]) for schedule in solutions]
        )
