"""A cold start: from a fresh process to its answer, everything loaded on the way."""

import os
import pickle
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

from nco.benchmark.answers import best_of, classical, own
from nco.benchmark.contest import Entrant
from nco.benchmark.plan import Plan
from nco.core.case import Case
from nco.workers.child import PATIENCE
from nco.workers.outcome import Outcome
from nco.workers.pool import Workers

# two pickles, for the second can be read only where the first says that modules are found
CODE = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from nco.benchmark.cold import child
child()
"""


def outcome(entrant: Entrant, case: Case, limit: float | None, plan: Plan) -> Outcome:
    """The same as a warm answer, but `seconds` is from the start of the first process on."""
    begin = time.perf_counter()
    if entrant.model is not None:
        fresh = _fresh((entrant, case, limit, plan), limit)
    else:
        with Workers(plan.cores) as pool:
            outcomes = classical(entrant.name, case, limit, plan, pool)
            seconds = time.perf_counter() - begin
        return replace(best_of(case, outcomes), seconds=seconds)
    return replace(fresh, seconds=time.perf_counter() - begin)


def _fresh(arguments: tuple[Any, ...], limit: float | None) -> Outcome:
    """`own` in a new interpreter, which imports what it needs when it needs it."""
    *_, plan = arguments
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", CODE],
        env={"OMP_NUM_THREADS": str(plan.cores), **os.environ},  # its cores it has from here
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    guard = threading.Timer(PATIENCE.setup + (limit or PATIENCE.setup), process.kill)
    guard.daemon = True
    guard.start()
    try:
        said, complaint = process.communicate(pickle.dumps(sys.path) + pickle.dumps(arguments))
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        guard.cancel()
    if process.returncode == 0:
        own_outcome: Outcome = pickle.loads(said)
        return own_outcome
    words = complaint.decode(errors="replace").strip().splitlines()
    return Outcome(None, 0.0, f"ended with code {process.returncode}: {' '.join(words[-1:])}")


def child() -> None:
    """The new process's part: the arguments come by stdin, the answer leaves by stdout."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed on the way is no answer
    entrant, case, limit, plan = pickle.load(sys.stdin.buffer)
    own_outcome = own(entrant, case, limit, plan)
    with answers:
        pickle.dump(own_outcome, answers)
    os._exit(0)  # the end of the interpreter is no part of the answer
