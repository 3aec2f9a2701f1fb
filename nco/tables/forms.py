"""What a problem's ``sheet.py`` declares: the columns of its tables, and what tables do not say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column that a problem reads.

    Attributes:
        name: what errors and ``--columns NAME=HEADER`` call it; also its first synonym.
        synonyms: other headers that it is recognised by, the best first. Case, accents, marks,
            and units behind the word make no difference.
        text: whether it holds names rather than numbers.
        sole: whether a table with two of these headers must be asked which is meant, though one of
            them comes first: two quantities, such as weight and volume. Its name is no question.
        over_times: headers that mean it only over times of the day, and much else elsewhere.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    text: bool = False
    sole: bool = False
    over_times: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A kind of table, such as one of customers.

    Attributes:
        name: what it is a table of, in the plural; also the name of its sheet in a workbook.
        columns: all that are read.
        needs: sets of columns, one of which must be there in full.
        titles: other names that its sheet may have.
        with_distances: the columns that suffice where there are distances, too; none where those
            suffice alone, and None where they cannot stand for coordinates.
        wide: two columns, a name and a number, that may lie side by side for several rows at once
            (`nco.tables.wide`).
    """

    name: str
    columns: tuple[Column, ...]
    needs: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...] = ()
    with_distances: tuple[str, ...] | None = None
    wide: tuple[str, str] | None = None


@dataclass(frozen=True)
class Argument:
    """What a table does not say: an option of the command, a keyword of `nco.solve`.

    Attributes:
        name: of both.
        text: for people, in ``--help``.
        kind: ``number``, ``whole`` (from 1 on), ``text``, or ``table``: the path of another table,
            or in Python a DataFrame.
        metavar: what the value is called in ``--help``.
    """

    name: str
    text: str
    kind: str = "number"
    metavar: str = "V"


CAPACITY = Argument(
    "capacity",
    "Of a table: what a vehicle or a knapsack can carry, in the unit of the demands or weights.",
)
NAME = Column(
    "name",
    (
        *("names", "title", "label", "description", "customer name", "stop name", "item name"),
        *("customer", "client", "stop", "location", "place", "site", "city", "node", "point"),
        *("kunde", "ort", "adresse", "nom", "nombre"),
        *("address", "customer id", "stop id", "id", "no", "nr", "number", "code", "key"),
    ),
    text=True,
)
X = Column("x", ("x coord", "x coordinate", "xcoord", "coord x", "pos x", "easting", "east"))
Y = Column("y", ("y coord", "y coordinate", "ycoord", "coord y", "pos y", "northing", "north"))
LAT = Column("lat", ("latitude", "breitengrad", "breite", "latitud", "gps lat"))
LON = Column(
    "lon", ("longitude", "lng", "long", "laengengrad", "langengrad", "lange", "longitud", "gps lon")
)
PLACED = (("x", "y"), ("lat", "lon"))  # what tells where something is
