"""The way of one answer: options, schedule, portfolio, incumbents, certificate, solution.

`options` makes the caller's keywords one `Options`, which `solver` takes; a `session` does so with
children of its own. `solver` has `nco.registry.sources` read the source into cases (a batch of
tensors goes through `tensors`), has `limits` say how long one may take where nobody did, and hands
them to `stream`, which gives the solutions back in order. `stream` passes a list whose time
is shared to `shared`, a case whose future is not known to `online`, which chooses and simulates a
policy, and everything else, one group of cases after the other, to `group`. There the simple
construction is the first incumbent. With a time limit, `schedule` makes a plan of the time and of
what was measured of the `machine`, and `portfolio` runs that plan: networks (`neural`) on a thread
with its share of the cores (`threads`), classical solvers (`runs`) and further searches of networks
(`elsewhere`) in the child processes that the call leases from `nco.workers`, a large case region by
region (`regions`; within each, `decomposition`). With a number of iterations,
`neural` searches and then one classical solver works, whatever the clock says; with neither,
`neural` makes one pass. `account` notes what each had. Whatever
they propose goes to `incumbents`, where the independent checker judges it and the best is kept. At
the end `answer` adds what `certify` can prove and makes the `solution`. No module calls one before
it on that way; what a network or a solver finds comes back through a function that it was given.

Beside that way, `simulate` evaluates policies, `drawing` makes pictures, and `tune` measures a
machine. What needs torch is imported where it is used, so that an answer is there while it loads.
"""
