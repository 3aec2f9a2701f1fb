"""The names of a user's things, beside arrays."""

from collections.abc import Mapping
from typing import Any

from nco.core.errors import InstanceError


def named(data: Mapping[str, Any], kind: str, count: int) -> dict[str, list[str]]:
    """What a case calls its things of a kind, from the key ``names`` of a user's dict.

    Args:
        data: the arrays; without ``names`` the things have none.
        kind: such as "stops".
        count: how many there are.

    Raises:
        InstanceError: not as many names.
    """
    names = data.get("names")
    if names is None:
        return {}
    listed = names.tolist() if hasattr(names, "tolist") else names
    if not isinstance(listed, list | tuple) or len(listed) != count:
        value = len(listed) if isinstance(listed, list | tuple) else type(listed).__name__
        raise InstanceError(f"must be {count} names, one each", field="names", value=value)
    return {kind: [" ".join(str(name).split()) for name in listed]}
