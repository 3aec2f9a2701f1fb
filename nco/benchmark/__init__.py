"""Solvers x instances x time limits: tables, curves, pictures, and every single run.

    plan = Plan(problem="tsp", size=100, solvers=["nco", "ortools"], time_limits=[0.1, 1.0])
    runs = compare(plan)
    print_table(summarise(runs))

Each answer is priced by the problem's independent checker in the instance's own units. Solvers take
turns on one instance before the next begins, so that whatever else the machine does hits all alike;
each has solved an instance, uncounted, before the clock starts. The time of a network is that of
the whole `nco.solve` call; that of a classical solver is its own call's, in its child process. From
a cold start, the time is that from the start of the process to the answer, for both.
"""

from nco.benchmark.command import compare, main
from nco.benchmark.contest import Contest, prepare
from nco.benchmark.curve import mean_curve, primal_integral, with_integrals
from nco.benchmark.output import print_table, save
from nco.benchmark.picture import plot
from nco.benchmark.plan import Plan
from nco.benchmark.report import report as html
from nco.benchmark.runs import Run, with_gaps
from nco.benchmark.summary import Row, summarise
from nco.workers.outcome import Improvement

__all__ = [
    "Contest",
    "Improvement",
    "Plan",
    "Row",
    "Run",
    "compare",
    "html",
    "main",
    "mean_curve",
    "plot",
    "prepare",
    "primal_integral",
    "print_table",
    "save",
    "summarise",
    "with_gaps",
    "with_integrals",
]
