"""Pickup-and-delivery rows, as LKH's and Li & Lim's files have them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.vrp.case import Shipment, Window


def shipped(
    table: np.ndarray,
    depots: int,
    place: Callable[[int, int], int],
    error: Callable[..., InstanceError],
) -> tuple[Any, ...]:
    """Rows ``load, open, close, service, pickup, delivery`` of pickup-and-delivery files.

    A pickup's load is positive and its row names the delivery; a delivery's is the same with the
    other sign, and names the pickup. A client without a partner is delivered what is negative and
    sends what is positive.

    Args:
        table: float64 [D+n, 6] in the order of places.
        depots: D.
        place: from (row, number of a node) to the place, or an error.
        error: from (row, reason, value) to the error.

    Returns:
        delivery, pickup [n, 1], service [D+n], windows of all places, shipments.
    """
    loads = table[:, 0]
    delivery, pickup = np.zeros((len(table), 1)), np.zeros((len(table), 1))
    shipments: list[Shipment] = []
    for row in range(len(table)):
        if not np.equal(np.mod(table[row, 4:], 1), 0).all():
            raise error(
                row, "pickup and delivery must be numbers of nodes", table[row, 4:].tolist()
            )
        source, target = (int(number) for number in table[row, 4:])
        if row < depots:
            if loads[row] or source or target:
                raise error(row, "it is a depot: load, pickup and delivery must be 0")
            continue
        delivery[row], pickup[row] = max(0.0, -loads[row]), max(0.0, loads[row])
        if source and target:
            raise error(row, "a row names the pickup or the delivery, not both")
        if target:
            other = place(row, target)
            if int(table[other, 4]) == 0 or place(other, int(table[other, 4])) != row:
                raise error(row, "its delivery does not name it as its pickup", target)
            if loads[row] < 0 or loads[other] != -loads[row]:
                raise error(row, "what is picked up must be what is delivered", loads[row])
            shipments.append(Shipment(row, other))
        if source:
            other = place(row, source)
            if int(table[other, 5]) == 0 or place(other, int(table[other, 5])) != row:
                raise error(row, "its pickup does not name it as its delivery", source)
    windows = [Window(*pair) for pair in table[:, 1:3].tolist()]
    return delivery[depots:], pickup[depots:], table[:, 3], windows, tuple(shipments)
