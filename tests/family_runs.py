"""A small policy gradient without a trainer, for the tests of the family."""

from typing import Any

import torch

from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.sources import Collecting, Source
from nco.problems.tsp import TSP
from nco.training.method import Training


class Counted(PolicyGradient):
    """The global step of a trainer that is not there, and a dictionary instead of a logger."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.__dict__["at"], self.__dict__["logged"] = 0, {}
        super().__init__(*given, **named)

    @property
    def global_step(self) -> int:  # type: ignore[override]
        return int(self.__dict__["at"])

    def log(self, name: str, value: Any, **options: Any) -> None:  # type: ignore[override]
        self.__dict__["logged"][name] = float(value)


def network(agents: int = 1, distance: bool = True) -> AttentionPolicy:
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    return AttentionPolicy(encoder, heads=2, agents=agents, distance=distance)


def method(size: int = 6, agents: int = 1, distance: bool = True, **parts: Any) -> Counted:
    training = Training(lr=3e-3, warmup=1)
    return Counted(TSP(size), network(agents, distance), training=training, **parts)


def updates(trained: Counted, count: int, batch: int = 8) -> list[float]:
    """Losses of some steps as Lightning makes them."""
    found: Any = trained.__dict__.get("optimizers") or trained.configure_optimizers()
    trained.__dict__["optimizers"] = found
    losses = []
    for _ in range(count):
        at = trained.global_step
        instance = trained.problem.generate(batch, generator("batch", at))

        def closure(instance: Any = instance, at: int = at) -> torch.Tensor:
            found["optimizer"].zero_grad()
            loss = trained.training_step(instance, at)
            assert loss is not None
            if loss.requires_grad:
                loss.backward()
            return loss

        losses.append(float(found["optimizer"].step(closure).detach()))
        trained.__dict__["at"] = at + 1
    return losses


def collecting(trained: Counted, batch: int = 8, step: int = 0, **more: Any) -> Collecting:
    """What a source is told at a step."""
    return Collecting(
        trained.problem,
        trained.policy,
        trained.problem.generate(batch, generator("batch", step)),
        step,
        generator("play", step),
        lambda *where: generator(*where, step),
        **more,
    )


def attached(source: Source, size: int = 6, **parts: Any) -> tuple[Source, Counted]:
    """A source that knows a problem and a policy."""
    trained = method(size, **parts)
    source.attach(trained.problem, trained.policy, 0)
    return source, trained
