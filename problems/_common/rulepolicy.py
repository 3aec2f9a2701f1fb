"""A rule as a policy without layers."""

from nco.core.features import Features
from nco.core.policy import Policy
from nco.core.schema import Channel, Schema


class RulePolicy(Policy):
    """What all rules share: no layers, and nothing to encode.

    A rule decides by plain numbers, of which the columns are made, so it counts as reading all.
    """

    reads = frozenset(Channel)

    def make_layers(self, schema: Schema) -> None:
        """A rule has none."""

    def encode(self, features: Features) -> None:
        return None
