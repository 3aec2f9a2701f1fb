"""Each part of the kernels against plain loops, step by step; uncompiled (`test_uncompiled`)."""

import itertools
from collections.abc import Iterator, Sequence

import numba
import numpy as np
import pytest
from shops import generated, odd_shops
from slowly import (
    Numbered,
    Schedule,
    followers,
    is_feasible,
    moved,
    numbered,
    reached,
    times,
    verify,
)

from nco.problems._common.kernels import chance
from nco.problems._shop.check import check_plan
from nco.problems._shop.kernels import choice as choices
from nco.problems._shop.kernels import evaluate, path, pool, starts, walk
from nco.problems._shop.kernels.arrays import Orders, Shop, plan_of, sequence_of, shop_of
from nco.problems._shop.kernels.blocks import collect, earlier_estimate, later_estimate
from nco.problems._shop.kernels.insertion import reinsert
from nco.problems._shop.kernels.walk import BEST, COST, NOW, OPTIMAL, Walk
from nco.problems._shop.plan import Plan, Work, by_rule
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP

pytestmark = pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="parts are compiled")

FAR = 1 << 40


def begun(work: Work, rule: str = "lpt") -> tuple[Shop, Numbered, Walk, np.ndarray]:
    """A walk that is about to leave a rule's schedule."""
    shop = shop_of(work)
    made = walk.empty_walk(shop)
    order, choice = sequence_of(work, by_rule(work, rule))
    made.orders.order[:], made.orders.choice[:] = order, choice
    walk.set_out(shop, made)
    return shop, numbered(work), made, chance.start(7)


def many() -> list[Work]:
    """Shops of every kind: with one machine each, with some, with stages, with odd durations."""
    return [
        *generated(JSSP(6), 2, 4),
        *generated(FJSP(6), 2, 4),
        *generated(FFSP(6, stages=2, machines=3), 1, 4),
        *odd_shops(8),
    ]


def is_flexible(shop: Shop) -> bool:
    """Whether an operation has two alternatives."""
    return len(shop.machine) > int((shop.job >= 0).sum())


def walked(work: Work, steps: int) -> Iterator[tuple[Shop, Numbered, Walk, Schedule, np.ndarray]]:
    """The walk after each of so many steps, verified."""
    shop, plain, made, random = begun(work)
    for _ in range(steps):
        made.counters[NOW] += 1
        if not walk.step(shop, made, is_flexible(shop), 5, 5, random):
            return
        made.counters[COST] = evaluate.cost(shop, made.orders)
        made.counters[BEST] = min(made.counters[BEST], made.counters[COST])
        yield shop, plain, made, verify(plain, shop, made.orders, int(made.counters[COST])), random


def test_a_schedule_is_what_its_orders_come_to() -> None:
    """After every step, of any kind: times, tails, lists, and an order of all that fits them."""
    count = 0
    for work, shop, _, made, _, _ in all_walked(60):
        count += 1
        plan = plan_of(work, made.orders.order, made.orders.choice)
        report = check_plan(work, *plan)
        assert report.feasible
        assert report.cost == made.counters[COST]
        assert len(shop.first) == len(work)
    assert count > 400


def all_walked(
    steps: int,
) -> Iterator[tuple[Work, Shop, Numbered, Walk, Schedule, np.ndarray]]:
    """As `walked`, of all shops."""
    for work in many():
        for state in walked(work, steps):
            yield work, *state


@pytest.mark.parametrize("work", many())
def test_a_path_is_a_longest_one(work: Work) -> None:
    """It begins at 0, ends at the makespan, and each operation waits for the one before it."""
    for shop, plain, made, schedule, random in walked(work, 30):
        orders, cost = made.orders, int(made.counters[COST])
        first = path.trace(shop, orders, cost, made.path, random)
        listed = [int(v) for v in made.path.operation[first:]]
        follow = followers(plain, schedule)
        end, tail = times(plain, schedule)
        begin = 0
        for i, v in enumerate(listed, first):
            assert (made.path.begin[i], made.path.length[i]) == (begin, schedule.length[v])
            begin += schedule.length[v]
            assert end[v] == begin
            same = plain.job.get(v - 1) == plain.job[v]
            assert made.path.ready[i] == (end[v - 1] if same else 0)
            same = plain.job.get(v + 1) == plain.job[v]
            assert made.path.rest[i] == (tail[v + 1] if same else 0)
        assert begin == cost == made.path.begin[len(orders.order)]
        assert all(w in follow[v] for v, w in itertools.pairwise(listed))


def blocks_of(schedule: Schedule, listed: list[int]) -> list[list[int]]:
    """A path cut where the machine does not go on with the next operation."""
    behind = dict(pair for row in schedule.lists.values() for pair in itertools.pairwise(row))
    found = [[listed[0]]]
    for u, v in itertools.pairwise(listed):
        if behind.get(u) == v:
            found[-1].append(v)
        else:
            found.append([v])
    return found


def orders_of_n7(block: list[int], front: bool, end: bool) -> set[tuple[int, ...]]:
    """The block's orders after a move of N7; at the path's front or end fewer help."""
    size, found = len(block), set()
    for k in range(size):
        rest = block[:k] + block[k + 1 :]
        if not end:
            found.add((*rest, block[k]))
            found.add((*block[:k], block[-1], *block[k:-1]))
        if not front:
            found.add((block[k], *rest))
            found.add((*block[1 : k + 1], block[0], *block[k + 1 :]))
    return found - {tuple(block)}


def test_block_moves_are_those_of_n7() -> None:
    """None is missing or twice, but for what may make a circle; none does make one."""
    seen = 0
    for _, shop, plain, made, schedule, random in all_walked(25):
        orders, trail = made.orders, made.path
        first = path.trace(shop, orders, int(made.counters[COST]), trail, random)
        count, helps = collect(orders, trail, first, made.moves)
        listed = [int(v) for v in trail.operation[first:]]
        blocks = blocks_of(schedule, listed)
        wanted = set()
        for b, block in enumerate(blocks):
            at = b == 0, b == len(blocks) - 1
            wanted |= {(b, new) for new in orders_of_n7(block, *at)}
        assert helps == any(len(block) > 1 and len(block) != len(listed) for block in blocks)
        collected = []
        for early, late, later in zip(*(row[:count].tolist() for row in made.moves), strict=True):
            u, v = int(trail.operation[early]), int(trail.operation[late])
            b = next(b for b, block in enumerate(blocks) if u in block)
            block = list(blocks[b])
            if later:
                block.remove(u)
                block.insert(block.index(v) + 1, u)
            else:
                block.remove(v)
                block.insert(block.index(u), v)
            collected.append((b, tuple(block)))
            how = (u, v) if later else (v, int(orders.before[u]))
            assert is_feasible(plain, moved(plain, schedule, *how, int(orders.choice[how[0]])))
        assert len(set(collected)) == len(collected)
        assert set(collected) <= wanted
        if all(schedule.length.values()):  # with durations, what is left out may make a circle
            for b, new in wanted - set(collected):
                assert may_make_a_circle(plain, schedule, blocks[b], new)
        seen += count
    assert seen > 500


def may_make_a_circle(
    plain: Numbered, schedule: Schedule, block: list[int], new: tuple[int, ...]
) -> bool:
    """Whether the sufficient condition of Balas and Vazacopoulos does not hold for a new order."""
    end, tail = times(plain, schedule)
    held = []
    for v in block:  # one operation moved: either way of seeing it
        rest = [w for w in new if w != v]
        if rest != [w for w in block if w != v]:
            continue
        old, now = block.index(v), new.index(v)
        if now > old:
            other = new[now - 1]
            after = tail[v + 1] if plain.job.get(v + 1) == plain.job[v] else 0
            held.append(after <= tail[other] and other != v + 1)
        else:
            other = new[now + 1]
            before = end[v - 1] if plain.job.get(v - 1) == plain.job[v] else 0
            held.append(before <= end[other] and other != v - 1)
    assert held
    return not all(held)


def test_estimates_of_block_moves() -> None:
    """The longest path through what moved, if no job leads from one of these to another.

    For neighbours that is always so.
    """
    exact = 0
    for _, shop, plain, made, schedule, random in all_walked(25):
        orders, trail = made.orders, made.path
        first = path.trace(shop, orders, int(made.counters[COST]), trail, random)
        count, _ = collect(orders, trail, first, made.moves)
        for early, late, later in zip(*(row[:count].tolist() for row in made.moves), strict=True):
            u, v = int(trail.operation[early]), int(trail.operation[late])
            head, tail = orders.end[orders.before[u]], orders.tail[orders.after[v]]
            estimate = later_estimate if later else earlier_estimate
            value = estimate(trail, early, late, head, tail, FAR)
            how = (u, v) if later else (v, int(orders.before[u]))
            new = moved(plain, schedule, *how, int(orders.choice[how[0]]))
            segment = [int(w) for w in trail.operation[early : late + 1]]
            ends, tails = times(plain, new)
            through = max(ends[w] + tails[w] - new.length[w] for w in segment)
            if late == early + 1 or apart(plain, (schedule, new), segment):
                assert value == through
                exact += 1
            small = estimate(trail, early, late, head, tail, through - 1)
            assert small > through - 1 or value <= through - 1
    assert exact > 500


def apart(plain: Numbered, both: tuple[Schedule, Schedule], segment: list[int]) -> bool:
    """Whether no operation of a segment waits for another by way of its job."""
    for schedule in both:
        follow = followers(plain, schedule)
        for v in segment:
            waiting = reached(follow, v)
            for w in segment:
                before = w - 1 if plain.job.get(w - 1) == plain.job[w] else None
                if before is not None and (before in waiting or before == v):
                    return False
    return True


@pytest.mark.parametrize("work", [*generated(FJSP(6), 2, 4), *odd_shops(8)[::2]])
def test_machine_moves(work: Work) -> None:
    """No allowed place makes a circle, and no estimate is more than the makespan becomes."""
    seen = 0
    for shop, plain, made, schedule, random in walked(work, 20):
        orders, trail, cost = made.orders, made.path, int(made.counters[COST])
        first = path.trace(shop, orders, cost, trail, random)
        none = np.zeros_like(made.forbidden)
        for v in (int(w) for w in trail.operation[first:]):
            for at, (machine, length) in enumerate(plain.choices[v]):
                taken = plain.base[v] + at
                if taken == int(orders.choice[v]):
                    continue
                for u in [0, *schedule.lists[machine]]:
                    late = is_late_enough(orders, v, u, machine, shop)
                    if late and choices.may_follow(shop, orders, v, u):
                        new = moved(plain, schedule, v, u, taken)
                        assert is_feasible(plain, new)
                        assert length == new.length[v]
        least, v, u, taken, ties = choices.best_machine_move(
            shop, orders, trail, first, none, 1, cost, choices.LARGE, 0, random
        )
        if v:
            new = moved(plain, schedule, int(v), int(u), int(taken))
            assert least <= max(times(plain, new)[0].values())
            assert ties >= 1
            seen += 1
    assert seen > 5


def is_late_enough(orders: Orders, v: int, u: int, machine: int, shop: Shop) -> bool:
    """Whether `u` is not before the first place that is looked at."""
    first = int(choices.first_place(shop, orders, v, machine, int(orders.end[v - 1])))
    while first and first != u:
        first = int(orders.before[first])
        if first == u:
            return False
    return True


@pytest.mark.parametrize("work", many())
def test_any_insertion(work: Work) -> None:
    """Wherever an operation goes: the right schedule, or a refused circle and no change."""
    shop, plain, made, random = begun(work, "mwkr")
    orders = made.orders
    schedule = verify(plain, shop, orders, int(made.counters[COST]))
    refused = done = 0
    operations = sorted(plain.job)
    for _ in range(150):
        v = operations[int(chance.below(random, len(operations)))]
        at = int(chance.below(random, len(plain.choices[v])))
        machine = plain.choices[v][at][0]
        row = [0, *(w for w in schedule.lists[machine] if w != v)]
        u = row[int(chance.below(random, len(row)))]
        taken = plain.base[v] + at
        kept = [array.copy() for array in orders]
        new = moved(plain, schedule, v, u, taken)
        low, high = reinsert(shop, orders, v, u, taken, made.marked, made.moved)
        assert not made.marked.any()
        if is_feasible(plain, new):
            assert 0 <= low <= high < len(operations)
            evaluate.forwards(orders, low)
            evaluate.backwards(orders, high)
            assert verify(plain, shop, orders, int(evaluate.cost(shop, orders))).lists == new.lists
            schedule = new
            done += 1
        else:
            assert (low, high) == (-1, -1)
            assert all(np.array_equal(a, b) for a, b in zip(kept, orders, strict=True))
            refused += 1
    assert done > 20
    assert refused > 5 or max(map(len, work)) == 2


@pytest.mark.parametrize("work", generated(JSSP(6), 2, 4))
def test_what_was_undone_is_forbidden(work: Work) -> None:
    """After a move, every pair that it turned may not be turned back for a while."""
    shop, plain, made, random = begun(work)
    schedule = verify(plain, shop, made.orders, int(made.counters[COST]))
    for _ in range(30):
        made.counters[NOW] += 1
        made.forbidden[:] = 0
        assert walk.step(shop, made, False, 5, 5, random)
        made.counters[COST] = evaluate.cost(shop, made.orders)
        new = verify(plain, shop, made.orders, int(made.counters[COST]))
        now = int(made.counters[NOW])
        turned = 0
        for machine, row in schedule.lists.items():
            for u, v in itertools.combinations(row, 2):
                if new.lists[machine].index(u) > new.lists[machine].index(v):
                    until = made.forbidden[choices.slot(u, v, len(made.forbidden))]
                    assert now + 5 <= until < now + 10
                    turned += 1
        assert turned == np.count_nonzero(made.forbidden) > 0
        schedule = new


@pytest.mark.parametrize("work", many())
@pytest.mark.parametrize("waits", [True, False])
def test_schedules_by_a_rule(work: Work, waits: bool) -> None:
    """Without noise they are those of plain loops, and with it they keep all rules."""
    shop = shop_of(work)
    order = np.zeros(int((shop.job >= 0).sum()), dtype=np.uint32)
    choice = np.zeros(len(shop.job), dtype=np.uint32)
    random = chance.start(1)
    for noise in (0, 500):
        queue = starts.empty_queue(shop)
        cost = starts.schedule(shop, order, choice, queue, waits, noise, random)
        plan = plan_of(work, order, choice)
        report = check_plan(work, *plan)
        assert report.feasible
        assert report.cost == cost
        if noise == 0:
            assert plan == by_most_work(work, waits)


def by_most_work(work: Work, waits: bool) -> Plan:
    """An active schedule, or one without delay, by plain loops."""
    start = [[0] * len(job) for job in work]
    machine = [[0] * len(job) for job in work]
    done, ready, free = [0] * len(work), [0] * len(work), dict.fromkeys(range(99), 0)

    def mean(options: Sequence[tuple[int, int]]) -> int:
        return sum(length for _, length in options) // len(options)

    for _ in range(sum(map(len, work))):
        looks = {}  # when the job's next operation could begin and end, and where
        for j, job in enumerate(work):
            if done[j] < len(job):
                begins = [max(ready[j], free[m]) for m, _ in job[done[j]]]
                ends = [
                    begin + length for begin, (_, length) in zip(begins, job[done[j]], strict=True)
                ]
                best = ends.index(min(ends))
                looks[j] = begins[best], ends[best], job[done[j]][best][0]
        begin, end, where = min(looks.values(), key=lambda look: look[1 if waits else 0])
        rivals = [j for j, look in looks.items() if look[2] == where]
        if waits:
            rivals = [j for j in rivals if looks[j][0] < end or looks[j][1] == end]
        else:
            rivals = [j for j in rivals if looks[j][0] == begin]
        j = max(rivals, key=lambda j: (sum(mean(o) for o in work[j][done[j] :]), -j))
        start[j][done[j]], ready[j], machine[j][done[j]] = looks[j]
        free[where] = ready[j]
        done[j] += 1
    return Plan(start, machine)


@pytest.mark.parametrize("work", many())
def test_distances_and_blends(work: Work) -> None:
    """Distances are counted pairs; a blend keeps what two schedules agree on."""
    shop, random = shop_of(work), chance.start(3)
    size = int((shop.job >= 0).sum())
    elites = pool.empty_pool(shop, size, 3)
    for k, rule in enumerate(("lpt", "mwkr")):
        order, choice = sequence_of(work, by_rule(work, rule))
        pool.put(elites, k, order, choice, 10 - k)
        elites.counters[pool.SIZE] = k + 1
    assert (pool.extreme(elites, False), pool.extreme(elites, True)) == (1, 0)
    counted = plain_distance(shop, elites, 0, elites.order[1], elites.choice[1])
    assert pool.distance(shop, elites, 0, elites.order[1], elites.choice[1]) == counted > 0
    assert pool.distance(shop, elites, 0, elites.order[0], elites.choice[0]) == 0
    order, choice = np.zeros(size, dtype=np.uint32), np.zeros(len(shop.job), dtype=np.uint32)
    places = [{int(v): i for i, v in enumerate(elites.order[k])} for k in (0, 1)]
    for share in (0, 250, 500, 1000):
        pool.blend(elites, 0, 1, share, order, choice, random)
        place = {int(v): i for i, v in enumerate(order)}
        assert sorted(place) == sorted(places[0])
        for u, v in itertools.permutations(place, 2):
            if places[0][u] < places[0][v] and places[1][u] < places[1][v]:
                assert place[u] < place[v]
        for v in place:
            assert choice[v] in (elites.choice[0, v], elites.choice[1, v])
        assert check_plan(work, *plan_of(work, order, choice)).feasible
    pool.drop(elites, 0)
    assert elites.counters[pool.SIZE] == 1
    assert elites.cost[0] == 9


def plain_distance(
    shop: Shop, elites: pool.Pool, index: int, order: np.ndarray, choice: np.ndarray
) -> int:
    """Pairs of one machine in another order, and operations on another machine."""
    one, other = list(map(int, elites.order[index])), list(map(int, order))
    first = elites.choice[index]
    different = sum(1 for v in one if first[v] != choice[v])
    for u, v in itertools.combinations(one, 2):
        same = shop.machine[first[u]] == shop.machine[first[v]]
        if same and first[u] == choice[u] and first[v] == choice[v]:
            different += other.index(u) > other.index(v)
    return different


def test_an_optimum_is_proved_only_where_one_is() -> None:
    """A walk that stops for good is at the makespan of a machine or a job that is always busy."""
    proved = 0
    for work in [*generated(JSSP(8, machines=2), 4, 2), *odd_shops(20)[1::2]]:
        shop, plain, made, random = begun(work)
        for _ in range(200):
            made.counters[NOW] += 1
            if not walk.step(shop, made, is_flexible(shop), 5, 5, random):
                break
            made.counters[COST] = evaluate.cost(shop, made.orders)
        if made.counters[OPTIMAL]:
            busy: dict[int, int] = {}
            for options in plain.choices.values():
                machine, length = options[0]
                busy[machine] = busy.get(machine, 0) + length
            jobs = [sum(options[0][1] for options in job) for job in work]
            assert made.counters[COST] == max([*busy.values(), *jobs])
            proved += 1
    assert proved >= 2
