"""Tabu search and then CP-SAT: what improves a plan most within a short time."""

import sys
import time
from collections.abc import Callable

from nco.core.case import Proof
from nco.problems._shop import cpsat
from nco.problems._shop.plan import Plan, Work, construct, makespan, shifted

# shares of the time that tabu search has; CP-SAT proves small shops and hardly moves large ones
FEW, FEW_SHARE = 150, 0.2  # operations on machines
SEVERAL, SEVERAL_SHARE = 250, 0.6
LEAST = 0.3  # seconds below which CP-SAT would do no more than read the model
IMPORT = 1.5  # and those that its import may take a busy machine
STEPS = 100_000  # of tabu search without a time limit
CPSAT = "ortools.sat.python.cp_model"


def polish(
    jobs: Work,
    *,
    time_limit: float | None,
    seed: int,
    start: Plan | None,
    cores: int = 2,
    found: Callable[[Plan], None] | None = None,
    iterations: int = STEPS,
    proof: Proof | None = None,
) -> Plan:
    """A plan never worse than `start`, nor than the dispatching rules'.

    Args:
        jobs: the work list.
        time_limit: seconds from here on; None: `iterations` steps of tabu search.
        seed: of tabu search and CP-SAT.
        start: a feasible plan, such as a network's.
        cores: CP-SAT's threads.
        found: is called with better plans on the way.
        proof: takes the lower bound that CP-SAT has proven, if it had a turn.
    """
    from nco.problems._shop.kernels import tabu

    begun = time.perf_counter()
    plans = [construct(jobs)]
    if start is not None:
        plans.append(shifted(jobs, start))
    best = min(plans, key=lambda plan: makespan(jobs, plan))
    if time_limit is None:
        return tabu.improve(jobs, iterations=iterations, seed=seed, start=best, tell=found)
    left = time_limit - (time.perf_counter() - begun)
    count = sum(len(choices) for job in jobs for choices in job)
    share = FEW_SHARE if count <= FEW else SEVERAL_SHARE
    least = LEAST if CPSAT in sys.modules else LEAST + IMPORT
    if count > SEVERAL or left * (1 - share) < least:
        share = 1.0
    until = time.perf_counter() + left * share
    best = tabu.improve(jobs, until=until, seed=seed, start=best, tell=found)
    left = time_limit - (time.perf_counter() - begun)
    if share == 1.0 or left <= 0:
        return best
    better = cpsat.solve(
        jobs,
        time_limit=left,
        seed=seed,
        start=best,
        cores=cores,
        found=found,
        proof=proof,
    )
    return best if better is None else better
