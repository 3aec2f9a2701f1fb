"""What all searches by ruin and recreate around a depot keep beside their routes."""

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._routing.kernels import lists, neighbours, places
from nco.problems._routing.kernels.ruin import Ruin

MOST_CARRIED = 2**52  # the sum of all demands: room and demand are added up in 64 bits
SPARE_ROUTES = 10  # beyond those of the start, and a tenth of these
SHORTEST = 10_000  # steps of a search, so that its arrays cost little of its time
EACH = 800  # steps of a search for each customer, at the least
CUBE = 0.08  # steps for each of the cube of the customers, which is more from 100 customers on
LEFT_OUT = 4.0  # what a customer costs that no vehicle takes, beside the dearest way alone


class RuinSearch:
    """The arrays of one search. Nodes are numbered as `places.prepare` orders them.

    Args:
        where: the depot and n customers.
        seed: of the random numbers.
        ruin: what a step takes apart.
        count: neighbours of a customer, beside which it may be put.
        most: customers that may leave at once, if more than by strings.
    """

    routes: lists.Routes

    def __init__(self, where: places.Places, seed: int, ruin: Ruin, count: int, most: int = 0):
        self.order, self.size = where.order, len(where.order) - 1
        self.near = neighbours.nearest(where.coords, where.stated, count)
        self.apart = np.zeros(self.near.shape)
        x, y = where.coords.T.copy()
        neighbours.fill_distances(where.metric, x, y, where.matrix, self.near, self.apart)
        nodes = np.arange(self.size + 1, dtype=np.uint32)
        depot = np.zeros_like(nodes)
        there, back = np.zeros(self.size + 1), np.zeros(self.size + 1)
        places.legs(where.metric, x, y, where.matrix, depot, nodes, there)
        places.legs(where.metric, x, y, where.matrix, nodes, depot, back)
        self.home = there + back  # to the depot and back
        self.home[0] = 0.0
        self.ruin = Ruin(float(ruin.mean), int(ruin.longest))
        self.journal = lists.journal(max(self.ruin.most, most))
        self.random = chance.start(seed)
        self.stop = np.zeros(1, dtype=np.int64)

    @property
    def least(self) -> float:
        """The cost of the best, or its time, with what is paid for those left out."""
        return float(self.routes.price[lists.LEAST])

    def listed(self, routes: list[list[int]]) -> np.ndarray:
        """Routes of the caller as one array of the search's numbers."""
        inverse = np.argsort(self.order).astype(np.uint32)
        return inverse[lists.as_listed(routes)]

    def best_routes(self) -> list[list[int]]:
        """The best routes in the caller's numbers, empty ones included."""
        return lists.as_lists(self.order[lists.follow(self.routes.best, self.size)])


def check_demands(demand: np.ndarray, largest: int) -> None:
    """Refuses demands that no vehicle can take, or that cannot be added up.

    Raises:
        ValueError: one is negative or above the largest capacity, or all are too much.
    """
    least, most = int(demand.min()), int(demand.max())
    if least < 0 or most > largest or int(demand.sum()) > MOST_CARRIED:
        raise ValueError(
            f"demands must be from 0 to the capacity {largest}, {MOST_CARRIED} in all; "
            f"they are {least} to {most}"
        )


def length(size: int) -> int:
    """Steps of a search after which another one is worth more: by trial on 50 to 720 customers."""
    return max(SHORTEST, size * max(EACH, int(CUBE * size**2)))
