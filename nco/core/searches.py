"""The names of searches: a policy says which suit it, `nco.search` makes them."""

from enum import StrEnum


class SearchName(StrEnum):
    """The searches of `nco.search.catalogue`; cards store these words."""

    MULTISTART = "multistart"
    SAMPLING = "sampling"
    ACTIVE = "active"
    POPULATION = "population"
    BEAM = "beam"
    RECONSTRUCT = "reconstruct"
    DISPATCH = "dispatch"
