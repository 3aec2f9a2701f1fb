"""Compiled tabu search for job, flexible and flow shops; importing this package imports no numba.

`tabu` is what others call. `search` is its kernel: `walk` makes steps, of which `path`, `blocks`
and `choice` find the best move, `insertion` makes it, and `evaluate` says what it comes to;
`starts` and `pool` make the schedules that walks begin at. `arrays` says how a shop and a schedule
are kept.
"""
