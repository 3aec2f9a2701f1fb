"""REINFORCE with interchangeable advantages."""

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.method import PolicyGradient
from nco.models.policy_gradient.sources import Fresh
from nco.training.advantages import Advantage, MeanOverStarts
from nco.training.method import Training


class Reinforce(PolicyGradient):
    """Policy gradient: Williams (1992), as used by Kool et al. (2019) and POMO (Kwon et al. 2020).

    Each instance is played `rollouts` times at random; the loss is the mean of the advantage times
    the log-probability of the whole episode. It is `PolicyGradient` with the source `Fresh` and the
    surrogate `LogLikelihood`.

    The instances of a batch have one size and no padding, so no start appears twice among theirs,
    unless there are more rollouts than starts.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 200 where none is given.
        advantage: what costs are compared with; `MeanOverStarts` by default.
        rollouts: of each instance; None is one from each start.
        use_starts: let the problem's different first actions begin the rollouts, as POMO does; they
            are given, not learned.
        rescore: sample without gradients and compute all probabilities again in one parallel pass:
            more arithmetic and memory, far fewer and larger kernels. For GPUs.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        advantage: Advantage | None = None,
        rollouts: int | None = None,
        use_starts: bool = True,
        rescore: bool = False,
    ) -> None:
        super().__init__(
            problem,
            policy,
            training=training,
            source=Fresh(rollouts, use_starts, rescore),
            advantage=advantage if advantage is not None else MeanOverStarts(),
        )
