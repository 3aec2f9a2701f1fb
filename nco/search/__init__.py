"""Searches: each is a generator of better solutions, one file each.

``def search(problem, policy, instance, budget) -> Iterator[Incumbent]``. `nco.solve` consumes until
the deadline, Ctrl-C or the end, and keeps the best; so a search may be as long as it likes.
"""
