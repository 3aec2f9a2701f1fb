"""Which header is which column; squares and pairs of distances."""

import pytest

from nco.core.errors import InstanceError
from nco.problems.cvrp.sheet import CUSTOMERS
from nco.tables import delimited, matrices
from nco.tables.columns import match, normal, unknown_headers, without_unit
from nco.tables.reading import Given, Reading
from nco.tables.table import Table


def reading(text: str, columns: dict[str, str] | None = None) -> Reading:
    table = delimited.read(text)
    return Reading(table, CUSTOMERS, match(CUSTOMERS, table, columns or {}))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Demand (kg)", "demand"),
        ("customerName", "customer name"),
        ("  LAT. ", "lat"),
        ("Länge", "lange"),
        ("Größe", "grosse"),
        ("qty_kg", "qty kg"),
    ],
)
def test_case_accents_and_marks_make_no_difference(header: str, words: str) -> None:
    """What headers are compared by."""
    assert normal(header) == words


def test_units_behind_the_word_make_no_difference() -> None:
    """But a unit alone is a word."""
    assert without_unit("demand in kg") == "demand"
    assert without_unit("minutes") == "minutes"


@pytest.mark.parametrize(
    "header",
    [
        "name,lat,lon,demand",
        "Customer,Latitude,Longitude,Qty (kg)",
        "Stop Name,LAT,LNG,Order size",
        "id,gps_lat,gps_lon,weight_kg",
        ",Name,Breite,Lange,Menge",
    ],
)
def test_usual_headers_are_recognised(header: str) -> None:
    """Of people, maps, Excel and pandas."""
    row = ",".join(["0", "A", "52.1", "13.2", "4"][-len(header.split(",")) :])
    found = reading(f"{header}\n{row}\n{row.replace('A', 'B')}\n")
    assert found.match.meets(CUSTOMERS)
    assert (found.texts("name"), found.all_numbers("lat")) == (["A", "B"], [52.1, 52.1])
    assert found.all_numbers("demand") == [4, 4]


def test_the_user_comes_first() -> None:
    """A header that is stated is taken, and its synonym elsewhere is left out."""
    found = reading("name,x,y,demand,next week\nA,1,2,3,4\n", {"demand": "Next Week"})
    assert found.all_numbers("demand") == [4]
    assert found.remark == "customers: reads next week as demand, name, x, y; leaves out demand"
    table = found.table
    error = unknown_headers({"demand": "qty"}, table)
    assert (
        str(error) == "columns demand= qty: no such column; there are name, x, y, demand, next week"
    )
    assert unknown_headers({"demand": "next week"}, table) is None


def test_two_equal_headers_must_be_told_apart() -> None:
    """Neither is taken silently."""
    with pytest.raises(InstanceError, match="may be qty or Qty: say which by --columns demand="):
        reading("x,y,qty,Qty\n1,2,3,4\n").numbers("demand")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "line 3: demand: is empty: a number belongs here"),
        ("x", "line 3: demand x: a number belongs here"),
        ("-4", "line 3: demand -4: must not be negative"),
    ],
)
def test_a_cell_is_named_by_line_and_column(cell: str, message: str) -> None:
    """Rows count from the headers, which are line 1."""
    with pytest.raises(InstanceError, match=message):
        reading(f"name,x,y,demand\nA,0,0,1\nB,1,1,{cell}\n").all_numbers("demand", 0)


def test_two_units_in_a_column_are_refused() -> None:
    """500 g and 2 kg do not add up."""
    with pytest.raises(InstanceError, match="line 3: demand 2 kg: g and kg in one column"):
        reading("x,y,demand\n0,0,500 g\n1,1,2 kg\n").numbers("demand")


SQUARES = {
    "names": (",A,B,C\nA,0,3,4\nB,3,0,5\nC,4,6,0\n", ["A", "B", "C"]),
    "reordered": ("x,B,A,C\nA,3,0,4\nB,0,3,5\nC,6,4,0\n", ["A", "B", "C"]),
    "header": ("A,B,C\n0,3,4\n3,0,5\n4,6,0\n", ["A", "B", "C"]),
    "bare": ("0;3;4\n3;0;5\n4;6;0\n", []),
    "gaps": (",A,B,C\nA,,3,4\nB,3,-,5\nC,4,6,\n", ["A", "B", "C"]),
}


@pytest.mark.parametrize("form", SQUARES)
def test_squares_of_distances(form: str) -> None:
    """With names in rows and columns in any order, or without."""
    text, names = SQUARES[form]
    table = delimited.read(text)
    assert matrices.is_square(table)
    found = matrices.square(table)
    assert (found.names, found.rows) == (names, [[0, 3, 4], [3, 0, 5], [4, 6, 0]])


def test_customers_are_no_square_of_distances() -> None:
    """Though they have as many columns as rows."""
    for text in ("x,y,demand\n0,1,2\n3,4,5\n6,7,8\n", "name,x,y\nA,0,1\nB,2,3\n"):
        assert not matrices.is_square(delimited.read(text))


def test_pairs_count_in_both_directions_where_one_is_stated() -> None:
    """A pair that is missing altogether is an error, as is one that is there twice."""

    def found(text: str) -> matrices.Distances | None:
        return matrices.pairs(Given([delimited.read(text)]))

    read = found("from,to,distance\nA,B,3\nB,A,4\nA,C,5\nB,C,6\n")
    assert read is not None
    assert read.rows == [[0, 3, 5], [4, 0, 6], [5, 6, 0]]
    with pytest.raises(InstanceError, match="there is no row from B to C"):
        found("from,to,distance\nA,B,3\nA,C,4\n")
    with pytest.raises(InstanceError, match="line 3: distance: A to B is there twice"):
        found("from,to,distance\nA,B,3\nA,B,4\n")
    assert found("name,x\nA,1\n") is None


def test_a_distance_that_is_none_is_named_by_its_ends() -> None:
    """In a square that is one without doubt."""
    table = delimited.read(",A,B\nA,0,x\nB,3,0\n")
    with pytest.raises(InstanceError, match="line 2: A to B x: a number belongs here"):
        matrices.square(table)
    assert isinstance(table, Table)


def test_two_quantities_are_asked_about() -> None:
    """Neither weight nor volume is taken silently; a column called demand is."""
    both = reading("name,x,y,weight (kg),volume (m3)\nA,0,0,1,2\n")
    with pytest.raises(InstanceError, match=r"demand: may be volume \(m3\) or weight \(kg\): say"):
        both.numbers("demand")
    for header in ("demand", "Demand (kg)", "demands in kg"):
        assert reading(f"name,x,y,weight,{header}\nA,0,0,1,2\n").numbers("demand") == [2]
    stated = reading("name,x,y,weight,volume\nA,0,0,1,2\n", {"demand": "weight"})
    assert stated.numbers("demand") == [1]


def test_a_header_that_is_stated_of_another_table_is_recognised_here() -> None:
    """As `name` is, where the user says what it is among the vehicles."""
    assert reading("Kunde,x,y,demand\nA,0,0,1\n", {"name": "Fahrzeug"}).texts("name") == ["A"]


def test_a_table_with_coordinates_holds_no_distances() -> None:
    """Its start, end and duration are those of a visit."""
    text = "name,lat,lon,start,end,duration\nA,52,5,08:00,09:00,5\n"
    given = Given([delimited.read(text)])
    assert not matrices.present(given)
    assert matrices.distances(given) is None


def test_pairs_of_one_direction_are_remarked_on() -> None:
    """And those of both are not."""
    found = matrices.pairs(Given([delimited.read("from,to,distance\nA,B,3\nB,A,4\n")]))
    assert found is not None
    assert "both directions" not in found.remark
    found = matrices.pairs(Given([delimited.read("from,to,distance\nA,B,3\nA,C,4\nB,C,2\n")]))
    assert found is not None
    assert found.remark.endswith("A to B and 2 more count in both directions")
