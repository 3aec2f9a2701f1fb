"""BQ-NCO on a GPU: labels stay in its memory, and a step is launched as one CUDA graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Generator, Tensor

from nco.core.batch import Batch, cat, stack
from nco.core.capabilities import HasFixedFirstAction, Paddable
from nco.core.defaults import demonstrations_of, pad_actions, replay, symmetries_of
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.nets.bq import BQPolicy
from nco.models.subproblems import SubproblemLoss, begin
from nco.training.data import Labels
from nco.training.evaluation import OnePath
from nco.training.method import Method, Training

WARM = 3  # passes before the capture, which set up what the libraries need
EVERY = 20  # steps between two looks at the loss, for each of which the GPU is waited for


@dataclass(frozen=True, eq=False)
class Bank(Batch):
    """K labels of I instances of any sizes, all padded to N nodes and T actions."""

    instance: Any  # [I, ...]
    owner: Tensor  # [K] long, whose solution it is
    actions: Tensor  # [K, T] long
    first: Tensor  # [K] long, the first action to learn
    end: Tensor  # [K] long, beyond the last action that is a choice
    own: Tensor  # [K] bool: the actions before `first` are a policy's own

    @classmethod
    def of(
        cls,
        problem: Problem[Any, Any],
        groups: Sequence[Labelled],
        arrangements: int,
        random: Generator,
    ) -> Self:
        """From `groups` of one size each; see `GraphedBQ` for `arrangements`."""
        most = max(_width(problem, group.instance) for group in groups)
        assert isinstance(problem, Paddable)  # `GraphedBQ` has said so
        total = max(problem.horizon(problem.padded(group.instance, most))[1] for group in groups)
        parts, before = [], 0
        for group in groups:
            part = cls._part(problem, group, most, total, arrangements, random)
            parts.append(replace(part, owner=part.owner + before))
            before += len(group)
        return cat(parts)

    @classmethod
    def _part(
        cls,
        problem: Any,  # that is `Paddable`
        group: Labelled,
        most: int,
        total: int,
        arrangements: int,
        random: Generator,
    ) -> Self:
        actions, count = group.actions, _width(problem, group.instance)
        if group.given is None:
            best = group.cost.argmin(1)
            actions = actions[torch.arange(len(best)), best][:, None]
            if arrangements:
                actions = actions.expand(-1, arrangements, -1).contiguous()
                actions = demonstrations_of(problem, group.instance, actions, random)
        batch, labels, length = actions.shape
        over = problem.done(group.instance, replay(problem, group.instance, actions).fold())
        decisions = (~over).view(batch, labels, length).sum(-1)
        begun = 1 if isinstance(problem, HasFixedFirstAction) else 0
        first = torch.full((batch, labels), begun) if group.given is None else group.given
        first = first.minimum(decisions - 1)
        instance = problem.padded(group.instance, most)
        # the kind of an action stands above the number of its node
        actions = pad_actions(problem, instance, actions % count + actions // count * most, total)
        owner = torch.arange(batch)[:, None].expand(-1, labels)
        own = torch.full((batch, labels), group.given is not None)
        end = (decisions - 1).maximum(first + 1)  # the last node of all is no choice
        return cls(instance, *(x.flatten(0, 1) for x in (owner, actions, first, end, own)))

    def drawn(
        self, problem: Problem[Any, Any], rows: int, random: Generator, arranged: bool
    ) -> tuple[Any, Tensor, Tensor]:
        """Instances, actions ``[R, 1, T]`` and steps ``[R, 1, 1]``, each drawn by itself."""
        device = self.actions.device
        pick = torch.randint(len(self.owner), (rows,), generator=random, device=device)
        every = stack(symmetries_of(problem, self.instance[self.owner[pick]]), 0)
        image = torch.randint(len(every), (rows,), generator=random, device=device)
        order = torch.arange(rows, device=device)
        instance = every.map(lambda tensor: tensor[image, order])
        own, actions = self.own[pick], self.actions[pick][:, None]
        if not arranged:  # what a policy came to might not lie on the way of another order
            other = demonstrations_of(problem, instance, actions, random)
            actions = torch.where(own[:, None, None], actions, other)
        first, end = self.first[pick], self.end[pick]
        where = torch.rand(2, rows, generator=random, device=device)
        steps = first + (where[0] * (end - first)).long()
        steps = torch.where(own & (where[1] < 0.5), first, steps)
        return instance, actions, steps[:, None, None]


class GraphedBQ(Method):
    """The loss of `BQ` for a GPU, which would otherwise wait for the processor nearly all the time.

    All labels lie in the GPU's memory, padded to one size. For each sub-problem of a step a label,
    the part of it that is done, an image and a direction are drawn; `BQ` cuts all at the same
    place. All sub-problems are padded to as many nodes, so every step has the same shapes. It is
    captured once as a CUDA graph, gradients included, and launched as a whole. On a CPU the same
    steps are made without a graph.

    The data module must be `nco.training.data.Labels`; all its labels are made before the first
    step, and its `batch_size` is not used.

    Args:
        problem, policy, training: as in `Method`; lr 5e-4 and warmup 500 where none is given.
        tokens, dense, rotate, thin, encoder: as in `BQ`; `tokens` counts padding.
        arrangements: draw so many equivalent action sequences of every label beforehand; 0: draw
            one at every step, which a problem with lists of routes cannot do on a GPU.
    """

    evaluation = OnePath()

    def __init__(
        self,
        problem: Problem,
        policy: BQPolicy,
        *,
        training: Training | None = None,
        tokens: int = 4096,
        dense: float = 0.0,
        rotate: bool = False,
        thin: float = 0.0,
        encoder: str | None = None,
        arrangements: int = 0,
    ) -> None:
        super().__init__(problem, policy, training, lr=5e-4, warmup=500)
        self.policy: BQPolicy
        if not isinstance(problem, Paddable):
            raise ValueError(f"{type(problem).__name__} cannot pad instances: it has no `padded`")
        self.tokens, self.arrangements = tokens, arrangements
        self.compare = SubproblemLoss(problem, policy, dense=dense, rotate=rotate, thin=thin)
        begin(policy, encoder, self.settings.initial)
        self._bank: Bank | None = None
        self._launch: Callable[[], object] | None = None
        self._losses: dict[str, Tensor] = {}

    def loss(self, batch: Any, generator: Generator) -> Tensor:
        """Of one step's sub-problems, drawn from the labels at hand; `batch` is not used."""
        bank, policy = self._bank, self.policy
        assert bank is not None
        nodes = policy.most_tokens(_width(self.problem, bank.instance))
        rows = max(1, self.tokens // (nodes + len(self.problem.schema.focus)))
        instance, actions, steps = bank.drawn(self.problem, rows, generator, self.arrangements > 0)
        total = actions.shape[2]
        after = (steps + torch.arange(total, device=steps.device)).clamp_max(total - 1)
        fixed = nodes if self.device.type == "cuda" else None
        rest = actions.gather(2, after)
        losses = self.compare.named(instance, actions, steps, rest, generator, fixed)
        self._losses = {name: value.detach() for name, value in losses.items()}
        return self.compare.weighted(losses)

    def setup(self, stage: str) -> None:
        # not earlier: Lightning would refuse to clip gradients, which `training_step` asks for
        self.automatic_optimization = False

    def on_train_start(self) -> None:
        super().on_train_start()
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, Labels):
            raise NCOError(
                f"GraphedBQ learns from nco.training.data.Labels, not from {type(data).__name__}"
            )
        if self.trainer.world_size > 1:
            raise NCOError("GraphedBQ trains on one device: give --trainer.devices 1")
        if self.trainer.accumulate_grad_batches > 1:
            raise NCOError("GraphedBQ: give more --model.init_args.tokens instead of accumulating")
        bank = Bank.of(
            self.problem, data.groups(), self.arrangements, generator(self.settings.seed, "bank")
        )
        self._bank = bank.to(self.device)
        self._random = self.generator("train", self.global_step)
        self._launch = self._captured() if self.device.type == "cuda" else self._pass

    def training_step(self, batch: Any, batch_idx: int) -> None:
        step = self.global_step
        assert self._launch is not None
        # the graph reads the numbers' state anew at every launch
        self._random.manual_seed(self.generator("train", step).initial_seed())
        self._launch()
        if step % EVERY == 0:
            for name, value in self._losses.items():
                self.log(f"train/{name}", value.clone(), prog_bar=name == "loss")
            self.check_finite(self._losses["loss"])
        optimizer: Any = self.optimizers()
        self.clip_gradients(optimizer)  # as the trainer says
        optimizer.step()
        self.lr_schedulers().step()  # type: ignore[union-attr]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._losses:  # since the last look
            self.check_finite(self._losses["loss"])
        super().on_save_checkpoint(checkpoint)

    def _captured(self) -> Callable[[], object]:
        """One pass as a CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                self._pass()
        torch.cuda.current_stream().wait_stream(side)
        self.policy.zero_grad(set_to_none=True)  # the graph's own stay where they are
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._random)
        try:
            with torch.cuda.graph(graph):
                self._pass()
        except RuntimeError as error:
            kind, why = type(self.problem).__name__, str(error).splitlines()[0]
            reason = f"a step cannot be captured ({why}); try arrangements 5"
            raise NCOError(f"{kind}: {reason}") from error
        return graph.replay

    def _pass(self) -> None:
        """Loss and gradients of newly drawn sub-problems."""
        for parameter in self.policy.parameters():
            parameter.grad = None
        self.loss(None, self._random).backward()


def _width(problem: Problem[Any, Any], instance: Any) -> int:
    return problem.features(instance[:1]).nodes.shape[1]
