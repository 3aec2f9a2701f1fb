"""What a problem with cases must meet, and what the checker and solver beside it must say."""

import math
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from nco.core.capabilities import HasCases, HasRemaining, Online, Paddable
from nco.core.case import Case, Report
from nco.core.defaults import has_size, load_cases, pad_actions
from nco.core.problem import Observation, Problem
from nco.registry import folder, folder_of
from nco.registry.folders import Folder
from nco.registry.interface import EverySolution, PartName
from nco.solving.online import HINDSIGHT
from nco.testing.compare import (
    ABSOLUTE,
    RELATIVE,
    NotApplicable,
    equal,
    equal_costs,
    nowhere,
    require,
    same,
)
from nco.testing.play import GIVEN, MIXED, ROLLOUTS, TINY, Trial, forbidden, walk
from nco.workers import lanes

LIMIT = 5000  # action sequences, or solutions, up to which all are looked at
WIDE = 20  # times LIMIT: combinations of agents' actions, most of which are conflicts
PADDED = 2  # nodes more
GIVEN_STEPS = 3  # up to which what remains is compared
SECONDS = (0.2, 5.0)  # that a classical solver is given, the more if it found nothing in the less
# in place of a number: none of these is one that a case of a few nodes has
STRANGERS = (10**6 + 7, -(10**6) - 7, 2**70, 0.5, math.nan, "x", None, True, [[1]])

Check = Callable[[Case, Any], Report]

# --------------------------------------------------------------------------------------------------
# Loading and padding


def load_inverts_cases(trial: Trial) -> None:
    """The cases of a batch, loaded, show the network what the batch shows."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasCases):
        raise NotApplicable("cases")
    loaded = problem.load(problem.cases(instance))
    if trial.name != GIVEN:  # a file may have distances and, to be drawn, coordinates
        wanted, found = problem.features(instance), problem.features(loaded)
        equal(wanted, found, "load(cases(...)) has other features")
    equal_costs(trial.cost, problem.cost(loaded, trial.actions), "load(cases(...)) has other costs")


def padding_changes_nothing(trial: Trial) -> None:
    """A case loaded alone has the features, masks and costs that it has among larger ones."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasCases) or problem.continuous:
        raise NotApplicable("cases, and one action a node")
    solutions = problem.solution(instance, trial.actions[:, -1])
    actions = problem.actions(instance, solutions)[:, None]
    cost = problem.cost(instance, actions)
    for b, case in enumerate(trial.cases or ()):
        row = slice(b, b + 1)
        among, alone = instance[row], problem.load([case])
        own = problem.actions(alone, [solutions[b]])[:, None]
        _compare_features(problem, among, alone, b)
        _compare_observations(problem, (among, actions[row]), (alone, own), b)
        found = problem.cost(alone, own)
        equal_costs(cost[row], found, f"instance {b} loaded alone costs something else")


def padded_nodes_change_nothing(trial: Trial) -> None:
    """Instances widened by `padded` allow the same solutions, at the same costs, and no others."""
    problem, instance, seen = trial.problem, trial.instance, trial.observations[0]
    count = problem.features(instance).nodes.shape[1]
    plain = seen.mask.ndim == 3 and seen.mask.shape[2] % count == 0
    if trial.name != MIXED or not plain or not isinstance(problem, Paddable):
        raise NotApplicable("padded")
    wide = problem.padded(instance, count + PADDED)
    found = problem.features(wide).nodes.shape[1]
    require(found == count + PADDED, f"padded gave {found} nodes of {count + PADDED}")
    begun = problem.observe(wide, problem.reset(wide, ROLLOUTS)).alive
    assert begun is not None
    nowhere(begun[:, :, count:].any(-1), "what padded added can be visited in {}")
    actions = trial.actions % count + trial.actions // count * found
    whole = pad_actions(problem, wide, actions, problem.horizon(wide)[1])
    walk(problem, wide, whole, "a solution of what padded gave")
    equal_costs(trial.cost, problem.cost(wide, whole), "what padded gave has other costs")


def _existing(problem: Problem[Any, Any], instance: Any) -> Tensor:
    """The nodes of one instance that are no padding."""
    features = problem.features(instance)
    if features.exists is None:
        return torch.arange(features.nodes.shape[1])
    return features.exists[0].nonzero()[:, 0]


def _compare_features(problem: Problem[Any, Any], among: Any, alone: Any, b: int) -> None:
    padded, bare = problem.features(among), problem.features(alone)
    nodes, own = _existing(problem, among), _existing(problem, alone)
    agree = len(nodes) == len(own)
    require(agree, f"instance {b} has {len(nodes)} nodes, but {len(own)} when it is loaded alone")
    for name in ("nodes", "xy", "edges"):
        first, second = getattr(padded, name), getattr(bare, name)
        if first is None or second is None:  # distances may be spelled out for others' sake
            continue
        first, second = first[:, nodes], second[:, own]
        if name == "edges":
            first, second = first[:, :, nodes], second[:, :, own]
        require(same(first, second).all(), f"padding changes Features.{name} of instance {b}")


def _compare_observations(
    problem: Problem[Any, Any], among: tuple[Any, Tensor], alone: tuple[Any, Tensor], b: int
) -> None:
    """Of the same solution; when alone has finished, what follows among others is no-ops."""
    nodes, own = _existing(problem, among[0]), _existing(problem, alone[0])
    kinds = problem.schema.kinds
    padded = walk(problem, *among, f"instance {b} among others, the same solution")
    bare = walk(problem, *alone, f"instance {b} loaded alone, the same solution")
    for step, (first, second) in enumerate(zip(padded, bare, strict=False)):
        at = f"at step {step} of instance {b}"
        wide, narrow = (view.mask.unflatten(-1, (kinds, -1)) for view in (first, second))
        wide, narrow = wide[..., nodes], narrow[..., own]
        context = first.context
        if first.stay is not None:  # agents that do not exist stay where they are not
            real = torch.isin(first.stay[0, 0], nodes)
            wide, context = wide[:, :, real], context[:, :, real]
        require(torch.equal(wide, narrow), f"padding changes the mask {at}")
        require(same(context, second.context).all(), f"padding changes the context {at}")
        if first.moves is not None and second.moves is not None:
            close = same(first.moves[:, :, real][..., nodes, :], second.moves[..., own, :])
            require(close.all(), f"padding changes Observation.moves {at}")
        if first.alive is not None and second.alive is not None:
            equal_alive = torch.equal(first.alive[..., nodes], second.alive[..., own])
            require(equal_alive, f"padding changes which nodes are alive {at}")
        if first.nodes is not None and second.nodes is not None:
            close = same(first.nodes[:, :, nodes], second.nodes[:, :, own])
            require(close.all(), f"padding changes Observation.nodes {at}")


# --------------------------------------------------------------------------------------------------
# The checker


def _folder(trial: Trial, part: PartName) -> Folder:
    """The package that has a part: of the problem's class, or else of its cases."""
    if not isinstance(trial.problem, HasCases):
        raise NotApplicable("cases")
    for one in [trial.problem, *(trial.cases or ())[:1]]:
        if folder_of(one).has(part):
            return folder_of(one)
    raise NotApplicable(part)


def checker_agrees(trial: Trial) -> None:
    """The independent checker finds random episodes feasible, at the problem's own cost."""
    check: Check = _folder(trial, "check").check.check
    cost = trial.cost.tolist()
    for s in range(ROLLOUTS):
        solutions = trial.problem.solution(trial.instance, trial.actions[:, s])
        for b, case in enumerate(trial.cases or ()):
            report = check(case, case.numbered(solutions[b]))
            at = f"of instance {b}, rollout {s}"
            refused = f"the checker refuses the random episode {at}: {report.defect}"
            require(report.feasible, refused)
            prices = f"the checker's cost is {report.cost}, `cost` gives {cost[b][s]:g} {at}"
            require(_close(cost[b][s], report.cost), prices)


def _close(first: float, second: float | None) -> bool:
    return second is not None and math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def checker_flags_mutations(trial: Trial) -> None:
    """A valid solution with something dropped, doubled or unknown is flagged, without a crash."""
    check: Check = _folder(trial, "check").check.check
    if trial.name == GIVEN or not trial.cases:  # something given may weigh and cost nothing
        raise NotApplicable("random instances")
    case = trial.cases[0]
    solution = case.numbered(trial.problem.solution(trial.instance, trial.actions[:, -1])[0])
    cost = check(case, solution).cost
    continuous = trial.problem.continuous
    if not isinstance(solution, list | dict) or cost is None or continuous:
        raise NotApplicable("a solution that is a list, or a dict of lists")
    for change, mutation, allowed in _mutations(solution):
        report = check(case, mutation)
        unflagged = report.feasible and not (allowed and not _close(cost, report.cost))
        sentence = f"the checker does not flag a solution with {change}: {mutation!r}"
        require(not unflagged, sentence)


def _mutations(solution: Any) -> Iterator[tuple[str, Any, bool]]:
    """Broken copies of `solution`; True marks those that may be feasible at another cost."""
    if isinstance(solution, dict):
        for key, value in solution.items():
            for change, mutation, allowed in _mutations(value):
                yield f"{key}: {change}", {**solution, key: mutation}, allowed
            yield f"no {key}", {k: v for k, v in solution.items() if k != key}, False
        return
    nested = bool(solution) and isinstance(solution[0], list)
    parts = [list(part) for part in solution] if nested else [list(solution)]
    for index, part in enumerate(parts):
        for change, new, allowed in _broken(part):
            parts_now = [*parts[:index], new, *parts[index + 1 :]]
            yield change, parts_now if nested else new, allowed
    if nested and len(parts) > 1 and parts[0]:
        first, second, *rest = parts
        yield f"{first[0]!r} in two lists", [first, [*second, first[0]], *rest], False
        yield "two lists joined", [first + second, *rest], True
        yield "a list dropped", [second, *rest], True
        yield "a list doubled", [*parts, first], False
    for nonsense in (None, 7, "solution", {"solution": solution}, [None], [[["x"]]]):
        yield "another form", nonsense, False


def _broken(part: list[Any]) -> Iterator[tuple[str, list[Any], bool]]:
    """Broken copies of one list of numbers."""
    if part:
        yield f"{part[0]!r} dropped", part[1:], True
        yield f"{part[0]!r} doubled", [*part, part[0]], False
    for stranger in STRANGERS:
        yield f"an added {stranger!r}", [*part, stranger], False
        if part:
            yield f"{stranger!r} in place of {part[0]!r}", [stranger, *part[1:]], False


# --------------------------------------------------------------------------------------------------
# Optima


def brute_force_agrees(trial: Trial) -> None:
    """The masks leave an optimal solution: the best one that the checker accepts of all there are.

    Those are enumerated without the problem: lists, or lists of lists, of different nodes, or what
    `every_solution` of the module ``check`` gives, for a problem of other solutions.
    """
    problem, compared = trial.problem, 0
    if problem.continuous:
        raise NotApplicable("actions that can be enumerated")
    checker = _folder(trial, "check").check
    solutions = problem.solution(trial.instance, trial.actions[:, -1])
    for b, case in enumerate(trial.cases or ()):
        one = trial.instance[b : b + 1]
        if isinstance(checker, EverySolution):
            every = checker.every_solution(case, LIMIT)
        else:
            every = _every_solution(solutions[b], len(_existing(problem, one)))
        best = None if every is None else _least_by_masks(problem, one)
        if every is None or best is None:
            continue
        reports = [checker.check(case, case.numbered(solution)) for solution in every]
        costs = [r.cost for r in reports if r.feasible and r.cost is not None]
        least = min(costs, default=math.inf)
        require(
            _close(best, least),
            f"the best solution within the masks costs {best:g}, but the best that the checker "
            f"accepts {least:g}, in instance {b}",
        )
        compared += 1
    if not compared:
        raise NotApplicable("instances small enough to enumerate")


def _every_solution(example: Any, nodes: int) -> Iterator[Any] | None:
    """All lists, as deep as `example`, of different numbers below `nodes`; None for too many."""
    if not isinstance(example, list):
        return None
    nested = bool(example) and isinstance(example[0], list)
    lengths = range(1, nodes + 1)
    count = sum(math.perm(nodes, k) * (2 ** (k - 1) if nested else 1) for k in lengths)
    if count > LIMIT:
        return None
    orders = (list(order) for k in range(nodes + 1) for order in permutations(range(nodes), k))
    if not nested:
        return orders
    return (plan for order in orders for plan in _cuts(order))


def _cuts(order: list[int]) -> Iterator[list[list[int]]]:
    """`order` cut into consecutive non-empty lists in all ways."""
    if not order:
        yield []
    for length in range(1, len(order) + 1):
        for rest in _cuts(order[length:]):
            yield [order[:length], *rest]


def _least_by_masks(
    problem: Problem[Any, Any], instance: Any, given: Tensor | None = None
) -> float | None:
    """The least cost of all action sequences that the masks allow; None for too many.

    Of those that begin as `given` ``[1, 1, t]``, if any.
    """
    state = problem.reset(instance, 1)
    actions: Tensor | None = given
    for t in range(0 if given is None else given.shape[2]):
        assert given is not None
        state = problem.step(instance, state, given[:, :, t])
    best = math.inf
    for _ in range(problem.horizon(instance)[1] + 1):
        done = problem.done(instance, state)[0]
        if done.any() and actions is not None:
            best = min(best, float(problem.cost(instance, actions[:, done]).min()))
        if done.all():
            break
        choices = _choices(problem.observe(instance, state), done)
        if choices is None or len(choices[0]) > LIMIT:
            return None
        parents, chosen = choices
        state = problem.step(instance, state.take(parents[None]), chosen[None])
        chosen = chosen[None, :, None]
        actions = chosen if actions is None else torch.cat([actions[:, parents], chosen], 2)
    return None if math.isinf(best) else best


def _choices(observation: Observation, done: Tensor) -> tuple[Tensor, Tensor] | None:
    """All next actions of one instance's unfinished states: which state, and ``[K, *M]``.

    Of agents every combination without a conflict. None: too many.
    """
    mask = observation.mask[0] & ~done.reshape(-1, *[1] * (observation.mask.ndim - 2))
    if mask.ndim == 2:
        parents, chosen = mask.nonzero(as_tuple=True)
        return parents, chosen
    if observation.stay is not None:
        still = torch.nn.functional.one_hot(observation.stay[0], mask.shape[-1]).bool()
        mask = mask | (still & ~done[:, None, None])
    parents = torch.arange(len(mask))
    taken = torch.empty(len(mask), 0, dtype=torch.long)
    for agent in range(mask.shape[1]):
        rows, column = mask[parents, agent].nonzero(as_tuple=True)
        if len(rows) > WIDE * LIMIT:
            return None
        parents, taken = parents[rows], torch.cat([taken[rows], column[:, None]], 1)
    seen = observation.map(lambda tensor: tensor[:, parents])
    fine = ~forbidden(seen, taken[None])[0].any(-1)
    return parents[fine], taken[fine]


def remaining_cases_have_the_best_ways_on(trial: Trial) -> None:
    """The best solution of what remains, by its own checker, is the best way to go on."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasRemaining):
        raise NotApplicable("remaining cases")
    compared = 0
    for steps in range(1, min(GIVEN_STEPS, trial.actions.shape[2] - 2) + 1):
        given = trial.actions[:, :1, :steps]
        state = trial.states[steps].map(lambda tensor: tensor[:, :1])
        cases = problem.remaining(instance, state)
        require(len(cases) == len(instance), f"remaining gave {len(cases)} cases")
        for b, case in enumerate(cases):
            one, row = instance[b : b + 1], state[b : b + 1]
            if bool(problem.done(one, row).all()):
                continue
            check: Check = folder(case.problem).check.check
            every = _every_solution([0], len(_existing(problem, load_cases(problem, [case]))))
            least = _least_by_masks(problem, one, given[b : b + 1])
            if every is None or least is None:
                continue
            priced = [(check(case, case.numbered(found)), found) for found in every]
            fine = [(r.cost, found) for r, found in priced if r.feasible and r.cost is not None]
            best = min(fine)[1]
            rest = problem.resumed(one, row, [best])
            whole = torch.cat([given[b : b + 1, 0], rest], 1)[:, None]
            walk(problem, one, whole, f"the best way on from step {steps} of instance {b}")
            cost = float(problem.cost(one, whole))
            require(
                _close(cost, least),
                f"going on as the best solution of what remains costs {cost:g}, but {least:g} is "
                f"possible, from step {steps} of instance {b}",
            )
            compared += 1
    if not compared:
        raise NotApplicable("instances small enough to enumerate")


def classical_solver_replays(trial: Trial) -> None:
    """The first classical solver's answer is feasible, and its actions keep within the masks."""
    problem, solvers = trial.problem, _folder(trial, "classical").classical.solvers()
    if not trial.cases or (trial.name != TINY and has_size(problem)):
        raise NotApplicable("tiny instances")
    case, solver = trial.cases[0], next(iter(solvers))
    if isinstance(problem, Online):  # the others return rules, which are simulated
        if HINDSIGHT not in solvers:
            raise NotApplicable("a planner with perfect information")
        solver = HINDSIGHT
    for seconds in SECONDS:  # a busy machine may not even begin in the first
        outcome = lanes.run(case, solvers[solver], time_limit=seconds, seed=trial.seed)
        if outcome.solution is not None or outcome.error is not None:
            break
    require(outcome.solution is not None, f"{solver} found nothing: {outcome.error or 'no error'}")
    check: Check = _folder(trial, "check").check.check
    report = check(case, outcome.solution)
    require(report.feasible, f"the checker refuses {solver}'s solution: {report.defect}")
    one = trial.instance[:1]
    actions = problem.actions(one, [case.indexed(outcome.solution)])[:, None]
    walk(problem, one, actions, f"{solver}'s solution")
    cost = float(problem.cost(one, actions))
    prices = f"{solver}'s solution costs {report.cost} by the checker, {cost:g} by `cost`"
    require(_close(cost, report.cost), prices)
    if isinstance(problem, Online):
        least = float(trial.cost[0].min())
        worse = f"with perfect information {solver} pays {cost:g}, a random episode {least:g}"
        require(cost <= least + ABSOLUTE + RELATIVE * abs(least), worse)
