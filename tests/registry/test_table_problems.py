"""Which problem a table is of, what must be given beside it, and what is kept."""

from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

import nco
from nco import registry
from nco.core.case import Case
from nco.core.errors import InstanceError, NCOError
from nco.registry import sheets, sources

CUSTOMERS = "name,lat,lon,demand\nShop,52.50,13.45,3\nDepot,52.52,13.405,\nCafé,52.55,13.40,4\n"
FLEET = "vehicle,capacity,count,speed\nVan,6,2,50\nBike,5,1,15\n"
JOBS = "job,op,machine,minutes\nChair,1,saw,3\nChair,2,paint,2\nTable,1,paint,4\n"
ORDERS = "order,pickup x,pickup y,delivery x,delivery y\nA,0,0,1,1\nB,2,1,3,0\n"
SQUARE = ",A,B,C\nA,0,3,4\nB,3,0,5\nC,4,{back},0\n"


def read(folder: Path, text: str, **more: Any) -> Case:
    """The case of a CSV text."""
    path = folder / "table.csv"
    path.write_text(text)
    problem, columns = more.pop("problem", None), more.pop("columns", None)
    for name, value in more.items():
        if isinstance(value, str) and "\n" in value:
            beside = folder / f"{name}.csv"
            beside.write_text(value)
            more[name] = beside
    return sources.read(path, problem, columns=columns, arguments=more)


RECOGNISED = [
    ("cvrp", CUSTOMERS, {"capacity": 9}),
    ("hcvrp", CUSTOMERS, {"vehicles": FLEET}),
    ("tsp", "city,x,y\nA,0,0\nB,3,1\nC,2,5\n", {}),
    ("op", "sight,x,y,score\nA,0,0,0\nB,3,1,4\n", {"limit": 9}),
    ("tsp", SQUARE.format(back=5), {}),
    ("atsp", SQUARE.format(back=6), {}),
    ("tsp", "from,to,distance\nA,B,3\nB,C,4\nA,C,5\n", {}),
    ("knapsack", "item,value,weight\nTent,6,3\nRope,2,2\n", {"capacity": 3}),
    ("jssp", JOBS, {}),
    ("fjsp", JOBS + "Table,1,spray,3\n", {}),
    ("fjsp", JOBS + "Chair,3,saw,1\n", {}),
    ("ffsp", "job,stage,machine,time\na,1,x,3\na,1,y,4\na,2,z,2\nb,1,y,3\nb,1,x,5\nb,2,z,1\n", {}),
    ("omdcpdp", ORDERS, {"vehicles": "name,x,y\nAnn,0,1\n"}),
]


@pytest.mark.parametrize(("problem", "text", "beside"), RECOGNISED)
def test_the_problem_is_recognised_and_a_solution_comes_back(
    problem: str, text: str, beside: dict[str, Any], tmp_path: Path
) -> None:
    """By columns and arguments; a table of a solution, saved and read again, costs the same."""
    case = read(tmp_path, text, **beside)
    assert (case.problem, case.name) == (problem, "table")
    assert case.path == str(tmp_path / "table.csv")
    assert "reads" in case.notes()[0]
    solution = nco.solve(case, model="none", bound=False)
    for ending in ("csv", "tsv", "xlsx"):
        solution.save(tmp_path / f"plan.{ending}")
        report = nco.check(case, tmp_path / f"plan.{ending}")
        assert (report.cost, report.violations) == (solution.cost, [])
    assert len(solution.table()) == len(
        registry.folder(problem).sheet.table(case, solution.solution).rows
    )


def test_a_frame_is_a_source() -> None:
    """With arguments by name, of one and of several, and columns that the user names."""
    frame = pandas.DataFrame(
        {"who": ["D", "A", "B"], "x": [0, 1, 2], "y": [0, 1, 1], "n": [0, 2, 3]}
    )
    options: dict[str, Any] = {"columns": {"demand": "n", "name": "who"}, "capacity": 4}
    solution = nco.solve(frame, model="none", **options)
    assert (solution.problem, solution.routes) == ("cvrp", [[1], [2]])
    assert solution.table()["name"].tolist() == ["D", "A", "D", "D", "B", "D"]
    both = nco.solve(
        [frame, frame], model="none", arguments={"capacity": 9}, columns=options["columns"]
    )
    assert [len(one.routes) for one in both] == [1, 1]


def test_the_row_called_depot_or_the_first_or_the_one_named_is_the_depot(tmp_path: Path) -> None:
    """The others keep their order; there cannot be two."""
    case = read(tmp_path, CUSTOMERS, capacity=9)
    assert case.names["stops"] == ["Depot", "Shop", "Café"]
    hub = CUSTOMERS.replace("Depot", "Hub").replace("13.45,3", "13.45,").replace("405,", "405,1")
    case = read(tmp_path, hub, capacity=9)
    assert case.names["stops"][0] == "Shop"
    case = read(tmp_path, CUSTOMERS.replace("Depot", "Hub"), capacity=9, depot="hub")
    assert case.names["stops"][0] == "Hub"
    with pytest.raises(InstanceError, match="depot hub: no row is called so"):
        read(tmp_path, CUSTOMERS, capacity=9, depot="hub")
    with pytest.raises(InstanceError, match="depot: 2 rows are called so"):
        read(tmp_path, CUSTOMERS.replace("Shop", "depot"), capacity=9)
    with pytest.raises(
        InstanceError, match=r"table.csv:2: demand 3: the depot, which is this row, has"
    ):
        read(tmp_path, CUSTOMERS.replace("Depot", "Hub"), capacity=9)


def test_latitudes_and_longitudes_are_kilometres(tmp_path: Path) -> None:
    """Great circles where the problem takes any distances, and a flat map where it does not."""
    case: Any = read(tmp_path, CUSTOMERS, capacity=9)
    assert case.metric == "HAVERSINE"
    assert nco.check(case, [[1, 2]]).cost == pytest.approx(13.6318, abs=1e-3)
    fleet: Any = read(tmp_path, CUSTOMERS, vehicles=FLEET.replace(",speed", ",x"))
    assert (
        nco.check(fleet, [[], [1, 2], []]).violations[0].startswith("vehicle 2 (Van 2) carries 7")
    )
    assert nco.check(fleet, [[1], [2], []]).cost == pytest.approx(7.5420 + 6.7059, abs=1e-3)
    assert "flat map" in fleet.notes()[-1]
    with pytest.raises(InstanceError, match="so far apart that straight lines on a map are wrong"):
        read(tmp_path, CUSTOMERS.replace("52.55,13.40", "-33.9,18.4"), vehicles=FLEET)
    with pytest.raises(InstanceError, match=r"lat 113.45: .*are latitude and longitude swapped"):
        read(tmp_path, CUSTOMERS.replace("52.50,13.45", "113.45,52.50"), capacity=9)


def test_distances_beside_a_table_are_found_by_names(tmp_path: Path) -> None:
    """In another order; a stop without distances is named."""
    matrix = ",Café,Depot,Shop\nCafé,0,1,2\nDepot,1,0,4\nShop,2,4,0\n"
    case: Any = read(tmp_path, CUSTOMERS, capacity=9, distances=matrix)
    assert case.distances.tolist() == [[0, 4, 1], [4, 0, 2], [1, 2, 0]]
    assert nco.solve(case, model="none").cost == 7
    no_places = CUSTOMERS.replace("lat,lon", "a,b")
    assert read(tmp_path, no_places, capacity=9, distances=matrix).problem == "cvrp"
    with pytest.raises(InstanceError, match="name Shop: has no distances: add its row"):
        read(tmp_path, CUSTOMERS, capacity=9, distances=matrix.replace("Shop", "Bar"))


def test_distances_may_be_an_array() -> None:
    """A square numpy array or DataFrame without names; anything else is refused in one line."""
    stops = pandas.DataFrame({"name": ["depot", "A", "B"], "demand": [0, 3, 3]})
    matrix = numpy.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    for distances in (matrix, matrix.astype(numpy.float32), pandas.DataFrame(matrix)):
        case: Any = sources.as_case(stops, arguments={"capacity": 6, "distances": distances})
        assert case.distances.tolist() == matrix.tolist()
    for bad, message in [
        (matrix[:2], r"distances \[2, 3\]: must be a square"),
        (matrix + 1j, "distances complex128: must be real numbers"),
        (matrix.tolist(), "must be a table"),
        (numpy.where(matrix == 3, numpy.nan, matrix), "is empty: a distance belongs here"),
    ]:
        with pytest.raises(InstanceError, match=message):
            sources.as_case(stops, arguments={"capacity": 6, "distances": bad})
    with pytest.raises(InstanceError, match=r"vehicles .*: must be a table") as caught:
        sources.as_case(stops, arguments={"vehicles": matrix})
    assert "\n" not in str(caught.value)


def test_sheets_of_a_workbook_are_tables_of_one_case(tmp_path: Path) -> None:
    """Customers and vehicles, by their columns and titles."""
    path = tmp_path / "book.xlsx"
    with pandas.ExcelWriter(path) as book:
        for title, text in (("Notes", "a\nb\n"), ("vehicles", FLEET), ("customers", CUSTOMERS)):
            (tmp_path / "t.csv").write_text(text)
            pandas.read_csv(tmp_path / "t.csv").to_excel(book, sheet_name=title, index=False)
    case: Any = sources.read(path)
    assert (case.problem, case.names["vehicles"]) == ("hcvrp", ["Van 1", "Van 2", "Bike"])
    assert case.capacities.tolist() == [6, 6, 5]
    assert "of sheet customers: reads name" in case.notes()[0]


SLIPS: list[tuple[str, dict[str, Any], str]] = [
    (
        CUSTOMERS,
        {},
        "capacity: cvrp needs the capacity of a vehicle: add --capacity V, or capacity=V",
    ),
    (
        CUSTOMERS,
        {"capacity": 3},
        "table.csv:4: demand 4: is above the capacity 3: split the customer",
    ),
    (CUSTOMERS, {"capacity": -3}, "capacity -3: must be positive"),
    (CUSTOMERS, {"capacity": "big"}, "capacity big: a number belongs here"),
    (
        CUSTOMERS,
        {"capacity": 9, "limit": 5},
        "limit: cvrp has no limit; it takes capacity, vehicles",
    ),
    (CUSTOMERS, {"capacity": 9, "vehicles": 0}, "vehicles 0: must be a whole number from 1 on"),
    (CUSTOMERS, {"capacity": 9, "columns": {"qty": "n"}}, "columns qty: no such column; there are"),
    (
        CUSTOMERS,
        {"capacity": 9, "columns": {"demand": "n"}},
        "demand= n: no such column; there are",
    ),
    (
        CUSTOMERS,
        {"problem": "jssp"},
        "jssp needs the columns job, machine, duration; here are name",
    ),
    (CUSTOMERS, {"problem": "hcvrp"}, "vehicles: hcvrp needs a table of vehicles with the columns"),
    (CUSTOMERS, {"problem": "exo"}, "exo reads no tables; "),
    (ORDERS, {}, "vehicles: omdcpdp needs the places where vehicles begin"),
    ("a,b\n1,2\n", {}, "the columns of no problem; here are a, b."),
    ("1,2\n3,4\n5,6\n", {}, "no headers: the first row must name the columns"),
    ("name,x,y,demand\n", {"capacity": 3}, "there is no row below the headers"),
    (
        JOBS.replace(",3", ",1.5"),
        {},
        "table.csv:2: minutes 1.5: must be a whole number: use a smaller",
    ),
    (
        JOBS.replace("saw", ""),
        {},
        "table.csv:2: machine: is empty: the machine's name belongs here",
    ),
    (
        JOBS + "Table,1,paint,5\n",
        {},
        "table.csv:4: machine paint: is there twice for one operation",
    ),
    (JOBS + "Table,2,paint,5\n", {"problem": "jssp"}, "that is problem fjsp"),
    (SQUARE.format(back="x"), {}, "table.csv:4: C to B x: a number belongs here"),
]


@pytest.mark.parametrize(("text", "more", "message"), SLIPS)
def test_slips_say_what_is_missing_and_how_to_give_it(
    text: str, more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """One line, with the place and the remedy."""
    with pytest.raises(NCOError) as caught:
        read(tmp_path, text, **more)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arguments_are_for_tables_and_unknown_ones_are_no_options() -> None:
    """Another source says all that itself; a slip names the nearest."""
    with pytest.raises(InstanceError, match="capacity: is for tables"):
        nco.solve({"values": [1], "weights": [1], "capacity": 1}, capacity=2)
    with pytest.raises(InstanceError, match=r"cities.vrp: columns: is for tables"):
        nco.solve("example:cities.vrp", columns={"demand": "qty"})
    with pytest.raises(NCOError, match="capcity: no such option; did you mean capacity"):
        nco.solve("example:customers.csv", capcity=3)
    assert "capacity" in sheets.arguments()


def test_a_checker_names_stops_jobs_and_machines(tmp_path: Path) -> None:
    """Beside their numbers."""
    case = read(tmp_path, CUSTOMERS, capacity=9)
    assert nco.check(case, [[1]]).violations == ["customer 2 (Café) is not visited"]
    shop = read(tmp_path, JOBS)
    (line,) = nco.check(shop, [[0, 3], [2]]).violations
    assert line.startswith("machine 1 (paint): operation 2 of job 0 (Chair) begins at 3, while op")
    assert "while operation 1 of job 1" in line  # as the table of a solution counts them
    (line, *_) = nco.check(shop, [[0, 1], [4]]).violations
    assert line == (
        "operation 2 of job 0 (Chair) on machine 1 (paint) begins at 1, before 3, when operation 1 "
        "ends"
    )


def test_merged_cells_and_numbered_operations_of_jobs(tmp_path: Path) -> None:
    """A job's empty name is the one above; numbers of operations count, not their rows."""
    case: Any = read(tmp_path, "job,op,machine,time\nA,20,saw,1\n,10,mill,2\nB,1,saw,3\n")
    assert case.work == [[[(1, 2)], [(0, 1)]], [[(0, 3)]]]
    assert case.names == {"jobs": ["A", "B"], "machines": ["saw", "mill"]}


def test_steps_in_german_are_operations_and_a_missing_column_is_told(tmp_path: Path) -> None:
    """Rows of one Schritt are alternatives; without such a column a note says how rows are read."""
    text = "Auftrag,Schritt,Maschine,Dauer\nA,1,saw,3\nA,1,mill,2\nA,2,saw,1\n"
    case: Any = read(tmp_path, text)
    assert case.work == [[[(0, 3), (1, 2)], [(0, 1)]]]
    assert not any("no column operation" in note for note in case.notes())
    alike: Any = read(tmp_path, text.replace("Schritt", "Farbe"))
    assert alike.work == [[[(0, 3)], [(1, 2)], [(0, 1)]]]
    assert "no column operation: each row is one" in alike.notes()[1]


def test_operations_may_lie_side_by_side_in_numbered_columns(tmp_path: Path) -> None:
    """Recognised by itself, with empty places, said in a note; errors name the line."""
    text = "job,machine 1,time 1,machine 2,time 2\nA,saw,3,paint,2\nB,paint,4,,\n"
    case: Any = read(tmp_path, text)
    assert case.problem == "jssp"
    assert case.work == [[[(0, 3)], [(1, 2)]], [[(1, 4)]]]
    assert case.names == {"jobs": ["A", "B"], "machines": ["saw", "paint"]}
    assert "machine, time 1 to 2 follow one another" in case.notes()[0]
    with pytest.raises(InstanceError, match=r"table.csv:3: time 1.5: must be a whole number"):
        read(tmp_path, text.replace("B,paint,4", "B,paint,1.5"))
    with pytest.raises(InstanceError, match=r"table.csv:3: machine: is empty"):
        read(tmp_path, text.replace("B,paint,4", "B,,4"))


def test_columns_may_be_machines_where_the_problem_is_named(tmp_path: Path) -> None:
    """Their order is that of the operations; an empty cell is none; the note says so."""
    text = "job,saw,drill,paint\nA,3,,2\nB,1,5,4\n"
    case: Any = read(tmp_path, text, problem="jssp")
    assert case.work == [[[(0, 3)], [(1, 2)]], [[(0, 1)], [(2, 5)], [(1, 4)]]]
    assert case.names["machines"] == ["saw", "paint", "drill"]
    assert "machines are the columns saw, drill, paint, in this order" in case.notes()[0]
    with pytest.raises(NCOError, match="the columns of no problem"):
        read(tmp_path, text)
    with pytest.raises(InstanceError, match=r"table.csv:2: duration x: "):
        read(tmp_path, text.replace("A,3", "A,x"), problem="jssp")


@pytest.mark.parametrize(
    ("example", "more"),
    [("customers.csv", {"capacity": 40}), ("workshop.csv", {}), ("luggage.csv", {"capacity": 8})],
)
def test_examples_are_solved_in_one_command(example: str, more: dict[str, Any]) -> None:
    """Each ships and gives a feasible answer."""
    assert nco.solve(f"example:{example}", model="none", **more).feasible


def test_tables_in_german_need_no_columns(tmp_path: Path) -> None:
    """Orders, machines and minutes; and pairs of places with kilometres."""
    shop = tmp_path / "plan.csv"
    shop.write_text("Auftrag;Maschine;Dauer (min)\nA1;Laser;30\nA1;Lack;20\nA2;Lack;10\n")
    case = nco.read(shop)
    assert (case.problem, case.cost_unit) == ("jssp", "minutes")
    assert case.names == {"jobs": ["A1", "A2"], "machines": ["Laser", "Lack"]}
    stops, roads = tmp_path / "kunden.csv", tmp_path / "roads.csv"
    stops.write_text("Kunde;Paletten\nLager;\nEins;3\n")
    roads.write_text("von;nach;km\nLager;Eins;7\nEins;Lager;7\n")
    routed = nco.read(stops, arguments={"capacity": 5, "distances": str(roads)})
    assert routed.distances[0, 1] == 7
    roads.write_text("von;nach;weg\n" + 4 * "Lager;Eins;7\n")
    with pytest.raises(
        NCOError, match="have the columns from, to, distance; here are von, nach, weg"
    ):
        nco.read(stops, arguments={"capacity": 5, "distances": str(roads)})
