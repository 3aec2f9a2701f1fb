"""The way of one answer: options, schedule, portfolio, incumbents, certificate, solution.

`solver` makes the caller's keywords one `options.Options`, has `nco.registry.sources` read the
source into cases, and hands them to `stream`, which gives the solutions back in order. `stream`
takes one group of cases after the other: `online` chooses and simulates a policy where the future
is not known; `shared` solves whole lists whose time is shared; `group` does the rest. There the
simple construction is the first incumbent, `schedule` makes a plan of the time and of what was
measured of the `machine`, and `portfolio` runs that plan: networks (`neural`) on a thread and
classical solvers in the child processes of `nco.workers`, large cases part by part
(`decomposition`). Whatever they propose goes to `incumbents`, where the independent checker judges
it and the best is kept. When the time is over, `answer` adds what `certify` can prove and makes the
`solution`. No module calls back to one before it.

Beside that way, `simulate` evaluates policies, `drawing` makes pictures, and `tune` measures a
machine. What needs torch is imported where it is used, so that an answer is there while it loads.
"""
