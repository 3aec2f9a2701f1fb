"""OR-Tools' routing solver for every routing problem: a model, a search, and its routes.

A problem states nodes, vehicles with their starts and ends, a cost for each leg, and quantities
that add up along routes. All numbers are whole; `integers` makes them.

    with_ortools.load()
    model = with_ortools.Model(
        nodes=n,
        starts=[0] * fleet,
        costs=[table],
        dimensions=[with_ortools.Dimension("load", [demand], [capacity] * fleet)],
    )
    routes = with_ortools.solve(model, with_ortools.Search(deadline, "PATH_CHEAPEST_ARC"))
"""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MODULES = (  # that are imported when a solver is called
    "ortools.constraint_solver.pywrapcp",
    "ortools.constraint_solver.routing_enums_pb2",
    "ortools.constraint_solver.routing_parameters_pb2",
    "ortools.util.optional_boolean_pb2",
)
LARGEST_TABLE = 3000  # nodes; OR-Tools copies a table from Python lists, 40 bytes an entry

Routes = list[list[int]]


def load() -> Any:
    """OR-Tools' module of routing models, imported with all that a search needs."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2  # noqa: F401
    from ortools.util import optional_boolean_pb2  # noqa: F401

    return pywrapcp


@dataclass(frozen=True, eq=False)
class Dimension:
    """A quantity that adds up along a route, such as load, length or time.

    Attributes:
        name: unlike those of the model's other dimensions.
        transits: what is added, int64 ``[n, n]`` for each leg or ``[n]`` on leaving each node; one
            array for all vehicles, or one a vehicle.
        most: what a route may come to, for each vehicle.
        slack: what may be added at a node beside its transit (waiting time; load taken on).
        firm: nodes without slack.
        span: the cost of each unit of the greatest total of all vehicles.
        late: from a node to what the total may be there, and the cost of each unit above it.
        within: from a node to the ranges in which the total must be there, in order.
        starts, ends: for each vehicle the range of the total at its start and its end; empty: 0 at
            the start.
        limits: for each vehicle what it may add up to from start to end, up to which it is free,
            and the cost of each unit above that; empty: no such limit.
        rates: for each vehicle the cost of each unit from start to end.
        breaks: from a vehicle to its breaks: the earliest and the latest begin, and how long. A
            vehicle that starts after that, or ends before it, does without.
        visits: for each node the part of its transit that no break may interrupt.
    """

    name: str
    transits: Sequence[np.ndarray | Sequence[int]]
    most: Sequence[int]
    slack: int = 0
    firm: Sequence[int] = ()
    span: int = 0
    late: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    within: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    starts: Sequence[tuple[int, int]] = ()
    ends: Sequence[tuple[int, int]] = ()
    limits: Sequence[tuple[int, int, int]] = ()
    rates: Sequence[int] = ()
    breaks: Mapping[int, Sequence[tuple[int, int, int]]] = field(default_factory=dict)
    visits: Sequence[int] = ()


@dataclass(frozen=True, eq=False)
class Model:
    """A routing problem in whole numbers.

    Attributes:
        nodes: how many, numbered from 0.
        starts: the node where each vehicle starts.
        costs: of each leg, int64 ``[n, n]``; one table for all vehicles, or one a vehicle.
        ends: the node where each vehicle ends; None: where it starts.
        fixed: the cost of using each vehicle; empty: nothing.
        dimensions: the quantities that limit routes.
        optional: from a node that may be left out to the cost of that.
        pairs: a pickup and its delivery, by one vehicle and in this order by the first dimension.
        groups: nodes of which one may be visited, and the cost of visiting none.
        allowed: from a node that may be left out to the vehicles that may visit it.
        loaded: pairs of dimensions: a vehicle starts with as much of the first as it ends with of
            the second.
    """

    nodes: int
    starts: Sequence[int]
    costs: Sequence[np.ndarray]
    ends: Sequence[int] | None = None
    fixed: Sequence[int] = ()
    dimensions: Sequence[Dimension] = ()
    optional: Mapping[int, int] = field(default_factory=dict)
    pairs: Sequence[tuple[int, int]] = ()
    groups: Sequence[tuple[Sequence[int], int]] = ()
    allowed: Mapping[int, Sequence[int]] = field(default_factory=dict)
    loaded: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Search:
    """How to search, and for how long.

    Attributes:
        deadline: a reading of `time.monotonic` until which guided local search goes on; None: no
            search, the first solution is the answer.
        first: the strategy that constructs it, by OR-Tools' name; None: OR-Tools chooses.
        lin_kernighan: among the moves are those of Lin and Kernighan. Their neighbour lists ask
            for each of n^2 distances without a look at the clock.
    """

    deadline: float | None
    first: str | None = None
    lin_kernighan: bool = True


def solve(
    model: Model,
    search: Search,
    *,
    start: Routes | None = None,
    tell: Callable[[Routes], None] | None = None,
    every: bool = False,
) -> Routes | None:
    """The best routes found: for each vehicle its nodes, without those where it starts and ends.

    Args:
        model: what to solve.
        search: how, and until when. Building the model counts.
        start: routes to begin with instead of the first solution; where OR-Tools finds them
            infeasible it constructs one all the same.
        tell: is called with each solution that is better than all before it.
        every: `tell` is called with all solutions that the search passes, worse ones too.

    Returns:
        None where no solution was found, or the time was up before the search.
    """
    built = _Built(model)
    parameters = _parameters(search)
    if search.deadline is not None:
        left = search.deadline - time.monotonic()
        if left <= 0:
            return None
        parameters.time_limit.FromMilliseconds(max(1, int(left * 1000)))
    routing = built.routing
    routing.CloseModelWithParameters(parameters)
    if tell is not None:
        routing.AddAtSolutionCallback(_teller(built, tell, every))
    initial = None
    if start is not None:
        indices = [[built.manager.NodeToIndex(node) for node in route] for route in start]
        initial = routing.ReadAssignmentFromRoutes(indices, True)
    if initial is None:
        answer = routing.SolveWithParameters(parameters)
    else:
        answer = routing.SolveFromAssignmentWithParameters(initial, parameters)
    if answer is None:
        return None
    return built.routes(lambda index: answer.Value(routing.NextVar(index)))


def _parameters(search: Search) -> Any:
    """OR-Tools' search parameters but for the time limit."""
    from ortools.constraint_solver import routing_enums_pb2
    from ortools.util import optional_boolean_pb2

    parameters = load().DefaultRoutingSearchParameters()
    if search.first is not None:
        strategy = routing_enums_pb2.FirstSolutionStrategy
        parameters.first_solution_strategy = getattr(strategy, search.first)
    if search.deadline is None:
        parameters.solution_limit = 1
        return parameters
    metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic
    parameters.local_search_metaheuristic = metaheuristic.GUIDED_LOCAL_SEARCH
    if not search.lin_kernighan:
        parameters.local_search_operators.use_lin_kernighan = optional_boolean_pb2.BOOL_FALSE
    return parameters


def _teller(built: "_Built", tell: Callable[[Routes], None], every: bool) -> Callable[[], None]:
    """What OR-Tools calls with each solution; guided local search also accepts worse ones."""
    best = math.inf
    routing = built.routing

    def at_solution() -> None:
        nonlocal best
        cost = routing.CostVar().Value()
        if every or cost < best:
            best = cost
            tell(built.routes(lambda index: routing.NextVar(index).Value()))

    return at_solution


class _Built:
    """OR-Tools' own form of a model."""

    def __init__(self, model: Model) -> None:
        ends = model.starts if model.ends is None else model.ends
        solver = load()
        self.manager = solver.RoutingIndexManager(
            model.nodes, len(model.starts), list(model.starts), list(ends)
        )
        self.routing = solver.RoutingModel(self.manager)
        self._evaluators: dict[int, int] = {}  # by the identity of a table
        self._add_costs(model)
        for dimension in model.dimensions:
            self._add_dimension(dimension)
        alone = [([node], cost) for node, cost in model.optional.items()]
        for nodes, cost in [*alone, *model.groups]:
            self.routing.AddDisjunction([self.manager.NodeToIndex(node) for node in nodes], cost)
        for node, vehicles in model.allowed.items():
            index = self.manager.NodeToIndex(node)
            self.routing.VehicleVar(index).SetValues([-1, *vehicles])  # -1: nobody visits it
        for pickup, delivery in model.pairs:
            self._add_pair(pickup, delivery, model.dimensions[0].name)
        for started, ended in model.loaded:
            self._tie(started, ended)

    def routes(self, follower: Callable[[int], int]) -> Routes:
        """The nodes of each vehicle, when `follower` tells the index that comes after one."""
        routes = []
        for vehicle in range(self.routing.vehicles()):
            index, nodes = follower(self.routing.Start(vehicle)), []
            while not self.routing.IsEnd(index):
                nodes.append(self.manager.IndexToNode(index))
                index = follower(index)
            routes.append(nodes)
        return routes

    def _add_costs(self, model: Model) -> None:
        evaluators = [self._evaluator(table) for table in model.costs]
        if len(evaluators) == 1:
            self.routing.SetArcCostEvaluatorOfAllVehicles(evaluators[0])
        else:
            for vehicle, evaluator in enumerate(evaluators):
                self.routing.SetArcCostEvaluatorOfVehicle(evaluator, vehicle)
        for vehicle, cost in enumerate(model.fixed):
            self.routing.SetFixedCostOfVehicle(cost, vehicle)

    def _add_dimension(self, dimension: Dimension) -> None:
        evaluators = [self._evaluator(array) for array in dimension.transits]
        if len(evaluators) == 1:
            evaluators *= len(dimension.most)
        self.routing.AddDimensionWithVehicleTransitAndCapacity(
            evaluators,
            dimension.slack,
            list(dimension.most),
            not dimension.starts,
            dimension.name,
        )
        total = self.routing.GetDimensionOrDie(dimension.name)
        for node in dimension.firm:
            total.SlackVar(self.manager.NodeToIndex(node)).SetValue(0)
        if dimension.firm:
            for vehicle in range(len(dimension.most)):
                total.SlackVar(self.routing.Start(vehicle)).SetValue(0)
        if dimension.span:
            total.SetGlobalSpanCostCoefficient(dimension.span)
        for node, (bound, cost) in dimension.late.items():
            total.SetCumulVarSoftUpperBound(self.manager.NodeToIndex(node), bound, cost)
        self._bound(dimension, total)
        for vehicle, breaks in dimension.breaks.items():
            self._add_breaks(total, vehicle, breaks, dimension.visits)

    def _bound(self, dimension: Dimension, total: Any) -> None:
        """Ranges of a dimension's totals, and limits and costs of what it adds up to."""
        for node, ranges in dimension.within.items():
            cumul = total.CumulVar(self.manager.NodeToIndex(node))
            cumul.SetRange(ranges[0][0], ranges[-1][1])
            for (_, end), (begin, _) in itertools.pairwise(ranges):
                if end + 1 <= begin - 1:
                    cumul.RemoveInterval(end + 1, begin - 1)
        for vehicle, (low, high) in enumerate(dimension.starts):
            total.CumulVar(self.routing.Start(vehicle)).SetRange(low, high)
        for vehicle, (low, high) in enumerate(dimension.ends):
            total.CumulVar(self.routing.End(vehicle)).SetRange(low, high)
        for vehicle, (most, free, cost) in enumerate(dimension.limits):
            total.SetSpanUpperBoundForVehicle(most, vehicle)
            if free < most and cost:
                bound = load().BoundCost(free, cost)
                total.SetSoftSpanUpperBoundForVehicle(bound, vehicle)
        for vehicle, rate in enumerate(dimension.rates):
            total.SetSpanCostCoefficientForVehicle(rate, vehicle)

    def _add_breaks(
        self,
        total: Any,
        vehicle: int,
        breaks: Sequence[tuple[int, int, int]],
        visits: Sequence[int],
    ) -> None:
        solver = self.routing.solver()
        intervals = [
            solver.FixedDurationIntervalVar(first, last, length, False, f"break {vehicle} {number}")
            for number, (first, last, length) in enumerate(breaks)
        ]
        count = self.routing.Size()
        spent = [visits[self.manager.IndexToNode(index)] for index in range(count)]
        total.SetBreakIntervalsOfVehicle(intervals, vehicle, spent)
        start = total.CumulVar(self.routing.Start(vehicle))
        end = total.CumulVar(self.routing.End(vehicle))
        for interval, (first, last, _) in zip(intervals, breaks, strict=True):
            # OR-Tools would have it before the start or after the end, though it is due before
            held = (interval.StartExpr() >= start) * (interval.EndExpr() <= end)
            solver.Add((start >= last) + (end <= first) + held >= 1)

    def _tie(self, started: str, ended: str) -> None:
        first, second = (self.routing.GetDimensionOrDie(name) for name in (started, ended))
        for vehicle in range(self.routing.vehicles()):
            begin = first.CumulVar(self.routing.Start(vehicle))
            self.routing.solver().Add(begin == second.CumulVar(self.routing.End(vehicle)))

    def _add_pair(self, pickup: int, delivery: int, order: str) -> None:
        first, second = self.manager.NodeToIndex(pickup), self.manager.NodeToIndex(delivery)
        routing, total = self.routing, self.routing.GetDimensionOrDie(order)
        routing.AddPickupAndDelivery(first, second)
        routing.solver().Add(routing.VehicleVar(first) == routing.VehicleVar(second))
        routing.solver().Add(total.CumulVar(first) <= total.CumulVar(second))

    def _evaluator(self, array: np.ndarray | Sequence[int]) -> int:
        """OR-Tools' number of an array of transits; the same array has one number."""
        if id(array) not in self._evaluators:
            self._evaluators[id(array)] = self._registered(np.asarray(array))
        return self._evaluators[id(array)]

    def _registered(self, array: np.ndarray) -> int:
        if array.ndim == 1:
            number: int = self.routing.RegisterUnaryTransitVector(array.tolist())
        elif len(array) <= LARGEST_TABLE:
            number = self.routing.RegisterTransitMatrix(array.tolist())
        else:
            number = self.routing.RegisterTransitCallback(self._lookup(array))
        return number

    def _lookup(self, table: np.ndarray) -> Callable[[int, int], int]:
        """Reads a large table in place."""
        node = [self.manager.IndexToNode(at) for at in range(self.manager.GetNumberOfIndices())]
        rows = [memoryview(row) for row in table]

        def distance(start: int, end: int) -> int:
            return rows[node[start]][node[end]]

        return distance
