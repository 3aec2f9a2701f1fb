"""The searches by name."""

from collections.abc import Mapping

from nco.core.errors import NCOError
from nco.core.searches import SearchName
from nco.search.active import Active
from nco.search.beam import beam
from nco.search.dispatch import dispatch
from nco.search.multistart import multistart
from nco.search.population import population
from nco.search.reconstruct import reconstruct
from nco.search.sampling import sampling
from nco.search.task import Search

SEARCHES: Mapping[SearchName, Search] = {
    SearchName.MULTISTART: multistart,
    SearchName.SAMPLING: sampling,
    SearchName.ACTIVE: Active(),
    SearchName.POPULATION: population,
    SearchName.BEAM: beam,
    SearchName.RECONSTRUCT: reconstruct,
    SearchName.DISPATCH: dispatch,
}


def named(name: str) -> Search:
    """The search of that name.

    Raises:
        NCOError: where there is none.
    """
    if name not in set(SearchName):
        raise NCOError(f"unknown search {name}; there are {', '.join(SearchName)}")
    return SEARCHES[SearchName(name)]
