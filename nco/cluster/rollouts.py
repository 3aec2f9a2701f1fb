"""Asynchronous training: actors of a Ray cluster play while the learner learns."""

import contextlib
import copy
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

from nco.cluster.connect import LOCAL, connected, in_one_line
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source, wrapped

if TYPE_CHECKING:
    from tensordict import TensorDict

__all__ = ["Asynchronous"]

STARTS = 3  # of actors that fail one after the other before any is ready, until it is an error


class Asynchronous(Source):
    """Groups come from actors on other cores or nodes, which play while the learner learns.

    Espeholt et al. (2018), "IMPALA", arXiv 1802.01561: what is learned from was played with weights
    that are some updates old, and a surrogate such as `Truncated` weighs it by how much likelier it
    has become. At every collection the learner sends its instances to the actor with the least to
    do, and learns from the group that has been back longest. It never waits: where no group is
    back, it plays its instances itself, as `source` does without actors. Groups under way are
    `actors` times `ahead` at most, which bounds their age; one that is older than `most` is
    dropped. Where an actor dies, another one begins, and what it had under way is lost.

    An actor computes the probabilities of its rollouts as the learner computes them, in one
    parallel pass, so that they differ by what the weights have learned meanwhile and by nothing
    else. Which group comes when depends on the machines: no two trainings are alike. A checkpoint
    holds no groups; a training that goes on begins with new ones. In a training on several
    processes each has so many actors of its own, on one cluster that runs already.

    Args:
        source: how actors play; one that keeps nothing between its groups.
        actors: how many, each with a core.
        address: of the cluster: ``local`` for one on this machine, ``auto``, or ``HOST:PORT``.
        ahead: groups that each actor has under way, so that it need not wait for the learner.
        most: updates that the weights may be behind which played a group.
        every: updates from one broadcast of the weights to the next.
        patience: seconds without a group from any actor until it is an error.
    """

    off_policy = True

    def __init__(
        self,
        source: Source | None = None,
        actors: int = 1,
        address: str = LOCAL,
        ahead: int = 2,
        most: int = 8,
        every: int = 1,
        patience: float = 120.0,
    ) -> None:
        super().__init__(wrapped(source))
        if min(actors, ahead, every) < 1 or most < 0 or not patience > 0:
            raise ValueError(
                "Asynchronous: actors, ahead and every at least 1, most at least 0, patience above "
                f"0: {actors}, {ahead}, {every}, {most}, {patience}"
            )
        self.actors, self.address, self.ahead = actors, address, ahead
        self.most, self.every, self.patience = most, every, patience
        self.dropped = self.own = self.staleness = 0
        self._seed = 0
        self._crew: _Crew | None = None
        self._back: deque[_Back] = deque()
        self._end = contextlib.ExitStack()
        weakref.finalize(self, self._end.close)

    def refusal(self) -> str | None:
        assert self.source is not None
        for part in self.source.chain():
            keeps = type(part).get_extra_state is not nn.Module.get_extra_state
            if keeps or isinstance(part, Asynchronous) or any(True for _ in part.buffers(False)):
                name = type(part).__name__
                return (
                    f"Asynchronous: each actor would have a {name} of its own: let {name} wrap "
                    "Asynchronous"
                )
        return None

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        self._seed = seed

    def collect(self, task: Collecting) -> list[Rollouts]:
        """Groups that are back; else those that the learner plays itself.

        Raises:
            NCOError: where Ray is missing, where there is no cluster at the address, where several
                processes train and the address is ``local``, where an actor fails by an error, and
                where no group has come for `patience` seconds.
        """
        assert self.source is not None
        crew = self._crew if self._crew is not None else self._begin(task)
        self._back += crew.hear()
        while self._back and task.step - self._back[0].version > self.most:
            self._back.popleft()
            self.dropped += 1
        if crew.under_way + len(self._back) < self.actors * self.ahead:
            crew.send(task)
        if not self._back:
            self.own += 1
            self.staleness = 0
            return self.source.collect(task)
        found = self._back.popleft()
        self.staleness = task.step - found.version
        device = task.instance.device
        return [Rollouts.restored(kept, task.problem, device) for kept in found.groups]

    def figures(self) -> Mapping[str, float]:
        lost = 0 if self._crew is None else self._crew.lost
        return {
            "staleness": self.staleness,
            "dropped": self.dropped,
            "lost": lost,
            "own_groups": self.own,
        }

    def close(self) -> None:
        """Ends the actors, and a cluster that was begun for them."""
        self._crew = None
        self._back.clear()
        self._end.close()

    def _begin(self, task: Collecting) -> "_Crew":
        assert self.source is not None
        ranks = distributed.get_world_size() if distributed.is_initialized() else 1
        if self.address == LOCAL and ranks > 1:
            raise NCOError(
                f"Asynchronous: {ranks} processes would begin a cluster each: run `ray start "
                "--head` and give address auto"
            )
        cores = self.actors if self.address == LOCAL else None
        ray = self._end.enter_context(connected(self.address, cores, type(self).__name__))
        policy = copy.deepcopy(task.policy).cpu()
        play = _Play(task.problem, policy, self.source, self._seed)
        self._crew = _Crew(ray, play, self.actors, self.ahead, self.every, self.patience)
        self._end.callback(self._crew.close)
        return self._crew


@dataclass(frozen=True, eq=False)
class _Play:
    """What an actor needs to know once."""

    problem: Problem[Any, Any]
    policy: Policy
    source: Source
    seed: int


@dataclass(frozen=True, eq=False)
class _Order:
    """Instances to be played.

    Attributes:
        version: the update whose weights play.
        number: from which all random numbers follow.
        instance: ``[B, ...]`` as a tensordict; condition, log_probs, entropy: as in `Collecting`.
    """

    version: int
    number: int
    instance: "TensorDict"
    condition: Tensor | None
    log_probs: bool
    entropy: bool


@dataclass(frozen=True, eq=False)
class _Back:
    """Groups of one order, and the update whose weights played them."""

    version: int
    groups: "Sequence[TensorDict]"


class Player:
    """The actor: plays what it is sent, one order after the other, on one core."""

    def __init__(self, play: _Play) -> None:
        torch.set_num_threads(1)
        self._play, self._version = play, -1
        instance = play.problem.generate(1, generator("classes"))
        self._instances = type(instance)
        play.source.attach(play.problem, play.policy, play.seed)

    def ready(self) -> None:
        """Returns once the actor can play."""

    def play(self, order: _Order, weights: "list[Any]") -> "list[TensorDict]":
        """The groups, each one buffer; `weights` holds the reference to those of the version."""
        if order.version != self._version:
            import ray

            self._play.policy.load_state_dict(dict(ray.get(weights[0]).items()))
            self._version = order.version
        task = Collecting(
            self._play.problem,
            self._play.policy,
            self._instances.from_tensordict(order.instance),
            order.version,
            generator(order.number),
            lambda *where: generator(order.number, *where),
            log_probs=order.log_probs,
            entropy=order.entropy,
            condition=order.condition,
        )
        groups = self._play.source.collect(task)
        if not any(part.off_policy for part in self._play.source.chain()):
            groups = [task.rescored(kept) for kept in groups]
        return [kept.stored().consolidate() for kept in groups]


@dataclass
class _Actor:
    """One actor of the crew.

    Attributes:
        handle: Ray's. greeting: its first call, until it is ready.
        orders: under way, their versions by reference.
    """

    handle: Any
    greeting: Any
    orders: dict[Any, int]


class _Crew:
    """The actors, what they have under way, and the weights that they play with."""

    def __init__(
        self, ray: Any, play: _Play, actors: int, ahead: int, every: int, patience: float
    ) -> None:
        self._ray, self._ahead, self._every, self._patience = ray, ahead, every, patience
        self._play = ray.put(play)
        self._weights: Any = None
        self._version = -1
        self._failures = 0  # of actors one after the other that did not get ready
        self._heard = time.monotonic()
        self.lost = 0
        self._actors = [self._begun() for _ in range(actors)]

    @property
    def under_way(self) -> int:
        """Orders that are not back."""
        return sum(len(actor.orders) for actor in self._actors)

    def send(self, task: Collecting) -> None:
        """Sends the instances to the actor with the least to do, if one has time for them."""
        free = [a for a in self._actors if a.greeting is None and len(a.orders) < self._ahead]
        if not free:
            return
        if self._version < 0 or task.step - self._version >= self._every:
            self._broadcast(task)
        random = task.random("actors")
        number = int(torch.randint(2**62, (), generator=random, device=random.device))
        instance = task.instance.to("cpu").to_tensordict().consolidate()
        condition = None if task.condition is None else task.condition.cpu()
        order = _Order(self._version, number, instance, condition, task.log_probs, task.entropy)
        actor = min(free, key=lambda one: len(one.orders))
        actor.orders[actor.handle.play.remote(order, [self._weights])] = self._version

    def hear(self) -> list[_Back]:
        """What is back, in the order of its weights; begins an actor for each that died.

        Raises:
            NCOError: where actors fail for good, or nothing has come for too long.
        """
        waiting = [a.greeting for a in self._actors if a.greeting is not None]
        waiting += [reference for actor in self._actors for reference in actor.orders]
        done = set(
            self._ray.wait(waiting, num_returns=len(waiting), timeout=0)[0] if waiting else ()
        )
        found: list[_Back] = []
        for place, actor in enumerate(self._actors):
            try:
                self._hear(actor, done, found)
            except self._ray.exceptions.RayTaskError as error:
                raise NCOError(
                    f"Asynchronous: an actor failed: {in_one_line(error.cause or error)}"
                ) from error
            except self._ray.exceptions.RayError as error:
                self._replace(place, error)
        now = time.monotonic()
        if found:
            self._heard = now
        elif now - self._heard > self._patience:
            cores = self._ray.cluster_resources().get("CPU", 0)
            raise NCOError(
                f"Asynchronous: no group for {self._patience:g} s from {len(self._actors)} actors "
                f"on a cluster of {cores:g} CPUs: give fewer actors, or more patience"
            )
        return sorted(found, key=lambda back: back.version)

    def close(self) -> None:
        """Ends all actors, where Ray has not done so already."""
        if not self._ray.is_initialized():
            return
        for actor in self._actors:
            self._ray.kill(actor.handle)

    def _hear(self, actor: _Actor, done: set[Any], found: list[_Back]) -> None:
        """Adds to `found`; raises Ray's error of an actor that died or failed."""
        if actor.greeting is not None and actor.greeting in done:
            self._ray.get(actor.greeting)
            actor.greeting, self._failures = None, 0
        for reference in [one for one in actor.orders if one in done]:
            found.append(_Back(actor.orders[reference], self._ray.get(reference)))
            del actor.orders[reference]

    def _replace(self, place: int, error: Exception) -> None:
        """Begins an actor in the place of one that died, whose orders are lost."""
        actor = self._actors[place]
        self.lost += len(actor.orders)
        self._failures += actor.greeting is not None
        if self._failures >= STARTS:
            raise NCOError(
                f"Asynchronous: {STARTS} actors did not start: {in_one_line(error)}"
            ) from error
        self._ray.kill(actor.handle)
        self._actors[place] = self._begun()

    def _begun(self) -> _Actor:
        kind = self._ray.remote(Player).options(num_cpus=1, max_restarts=0, max_task_retries=0)
        handle = kind.remote(self._play)
        return _Actor(handle, handle.ready.remote(), {})

    def _broadcast(self, task: Collecting) -> None:
        """Puts the present weights, as one buffer, where all actors can read them."""
        from tensordict import TensorDict

        weights = {name: value.detach().cpu() for name, value in task.policy.state_dict().items()}
        self._weights = self._ray.put(TensorDict(weights).consolidate())
        self._version = task.step
