"""Searches: each is a generator of better solutions, one file each.

A search (`nco.search.task.Search`) is called with a task, a budget and, if there is one, the best
solution so far. `nco.solve` consumes what it yields until the deadline, Ctrl-C or the end, and
keeps the best; so a search may be as long as it likes. Which searches suit a network its policy
says (`Policy.searches`); `nco.search.catalogue` has them by name.
"""
