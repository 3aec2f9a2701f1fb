"""Proximal policy optimisation, whose baseline is other rollouts that share their future."""

from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.method import PolicyGradient
from nco.models.policy_gradient.sources import Fresh
from nco.models.policy_gradient.surrogates import Clipped
from nco.training.advantages import Advantage, ToGo
from nco.training.method import Training


class PPO(PolicyGradient):
    """The clipped surrogate of Schulman et al. (2017), equation 7, without a critic.

    The rollouts of an instance share its trace, so that what the others still pay from a step on is
    a baseline for it that no critic could better on exogenous chance (`ToGo`). It is
    `PolicyGradient` with the source `Fresh` and the surrogate `Clipped`, whose mean is taken over
    steps too.

    Rollouts are collected every `epochs` steps. A checkpoint keeps them, so that a run which
    resumes between two collections goes on with the same.

    Args:
        problem, policy, training: as in `Method`; lr 3e-4 and warmup 20 where none is given.
        advantage: what costs are compared with; `ToGo` by default.
        rollouts: of each instance; epochs: steps on the same rollouts.
        clip: how far the ratio of probabilities may leave 1 with profit.
    """

    per_step, usual_warmup = True, 20

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        *,
        training: Training | None = None,
        advantage: Advantage | None = None,
        rollouts: int = 8,
        epochs: int = 4,
        clip: float = 0.2,
    ) -> None:
        if epochs < 1 or not 0 < clip < 1:
            raise ValueError(
                f"epochs must be at least 1 and clip between 0 and 1, not {epochs} and {clip}"
            )
        super().__init__(
            problem,
            policy,
            training=training,
            source=Fresh(rollouts),
            advantage=advantage if advantage is not None else ToGo(),
            surrogate=Clipped(clip, clip),
            epochs=epochs,
        )
