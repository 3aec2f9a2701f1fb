"""This package as a backend of scripts that time several packages side by side.

One step of training is: draw instances, the package's own `training_step`, backward, clip, Adam.
`NCO` runs in float32, `NCOHalf` with the encoder's linear layers in bfloat16. Models: ``pomo`` (6
layers, a rollout from each start, mean over starts) and ``am`` (3 layers, one rollout without a
given start, moving average), 1.3 and 0.7 million parameters.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nco.core.problem import Problem
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets.pointer import AttentionPolicy
from nco.models.nets.transformer import TransformerEncoder
from nco.models.reinforce import Reinforce
from nco.problems.cvrp import CVRP
from nco.problems.cvrp import problem as cvrp
from nco.problems.tsp import TSP
from nco.problems.tsp import problem as tsp
from nco.training.advantages import Exponential, MeanOverStarts

LAYERS = {"pomo": 6, "am": 3}


class Timed:
    """A function to be timed, and the size of its network."""

    def __init__(self, function: Callable[..., Any], parameters: int) -> None:
        self.function, self.n_params = function, parameters

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class NCO:
    """The package in float32."""

    bf16 = False

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("nco-solver", "torch", "lightning", "numpy")}

    def _problem(self, problem: str, n: int) -> Problem[Any, Any]:
        return {"tsp": TSP, "cvrp": CVRP}[problem](size=n)

    def _method(self, model: str, problem: str, n: int) -> Reinforce:
        policy = AttentionPolicy(TransformerEncoder(layers=LAYERS[model], bf16=self.bf16))
        if model == "pomo":
            return Reinforce(self._problem(problem, n), policy, advantage=MeanOverStarts())
        return Reinforce(
            self._problem(problem, n),
            policy,
            advantage=Exponential(),
            rollouts=1,
            use_starts=False,
        )

    def rollout(self, problem: str, n: int, batch: int) -> Callable[[], tuple[int, float]]:
        """Random rollouts of the rules alone: steps made and mean reward."""
        rules, random = self._problem(problem, n), generator(0)

        def run() -> tuple[int, float]:
            instance = rules.generate(batch, random)
            state = rules.reset(instance, 1)
            least, most = rules.horizon(instance)
            actions: list[Tensor] = []
            for step in range(most):
                if step >= least and bool(rules.done(instance, state).all()):
                    break
                mask = rules.observe(instance, state).mask[:, 0]
                action = torch.multinomial(mask.float(), 1, generator=random)
                state = rules.step(instance, state, action)
                actions.append(action)
            cost = rules.cost(instance, torch.stack(actions, 2))
            return len(actions), -float(cost.mean())

        return run

    def trainer(self, model: str, problem: str, n: int, batch: int) -> Timed:
        method = self._method(model, problem, n)
        method.log = lambda *arguments, **options: None
        optimizer = torch.optim.Adam(method.policy.parameters(), 1e-4)
        random = generator(1)

        def run() -> float:
            loss = method.training_step(method.problem.generate(batch, random), 0)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(method.policy.parameters(), 1.0)
            optimizer.step()
            return loss.item()

        return Timed(run, sum(p.numel() for p in method.policy.parameters()))

    def policy(self, model: str, problem: str, n: int) -> Timed:
        """Greedy costs ``[B]`` of arrays; `pomo` keeps the best over all starts."""
        method = self._method(model, problem, n)
        rules, policy = method.problem, method.policy.eval()

        def run(data: dict[str, np.ndarray]) -> np.ndarray:
            instance = _instance(problem, data)
            count = rules.start_count(instance) if model == "pomo" else 1
            prefix = rules.starts(instance, count) if model == "pomo" else None
            with torch.inference_mode():
                found = rollout(rules, policy, instance, count, greedy, prefix=prefix, logp=False)
            best: np.ndarray = found.cost.amin(1).numpy()
            return best

        return Timed(run, sum(p.numel() for p in policy.parameters()))


class NCOHalf(NCO):
    """The package with the encoder in bfloat16."""

    bf16 = True


def _instance(problem: str, data: dict[str, np.ndarray]) -> Any:
    """The package's instance of ``locs``, ``depot``, ``demand`` and ``capacity``."""
    locs = torch.as_tensor(data["locs"])
    if problem == "tsp":
        return tsp.Instance(locs)
    capacity = torch.as_tensor(data["capacity"]).double().reshape(len(locs))
    coords = torch.cat([torch.as_tensor(data["depot"])[:, None], locs], 1)
    demand = torch.as_tensor(data["demand"]).double() / capacity[:, None]
    return cvrp.Instance(coords, torch.cat([demand.new_zeros(len(locs), 1), demand], 1), capacity)
