"""Policy gradients as one family; see `nco.models.policy_gradient.method`."""

from nco.models.policy_gradient.method import PolicyGradient

__all__ = ["PolicyGradient"]
