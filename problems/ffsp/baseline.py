"""Classical solvers of one flexible flow shop: those of the flexible job shop that it is."""

from nco.problems.fjsp.baseline import (
    cpsat,
    fifo,
    finishers,
    lpt,
    mor,
    mwkr,
    ortools,
    polish,
    spt,
    tabu,
)

__all__ = ["ortools", "cpsat", "tabu", "polish", "mwkr", "mor", "spt", "lpt", "fifo"]  # noqa: RUF022  the first is the default
_ = finishers  # is asked for by name
