"""Tours whose distances depend on the direction, as tables: those of `nco.problems.tsp.sheet`."""

from typing import TYPE_CHECKING

from nco.problems._routing import sheets
from nco.problems.tsp.sheet import ARGUMENTS, FORMS, PLAN, STOPS, case_of, read_solution, table
from nco.tables.reading import Given

if TYPE_CHECKING:
    from nco.problems.atsp.files import Case

__all__ = ["ARGUMENTS", "FORMS", "PLAN", "from_tables", "read_solution", "table"]


def from_tables(given: Given) -> "Case | None":
    """The case; None where there are no distances, or symmetric ones and the user names no problem.

    Raises:
        InstanceError: distances that are missing or impossible.
    """
    from nco.problems.atsp.files import Case
    from nco.problems.tsp.files import is_symmetric

    if not given.has_distances:
        return None
    stops = sheets.stops(given, STOPS, depot=False)
    assert stops.distances is not None
    if given.problem != "atsp" and is_symmetric(stops.distances):
        return None
    return case_of(Case, stops, given)
