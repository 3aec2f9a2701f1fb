"""Tables of rich routing: customers with windows, vehicles, ways, and plans."""

import datetime
from pathlib import Path
from typing import Any

import pandas
import pytest

import nco
from nco.core.errors import InstanceError
from nco.problems.vrp import sheet
from nco.problems.vrp.case import Break, Group, Route, Shipment, Window
from nco.problems.vrp.formats import clock
from nco.registry import sources
from nco.tables import delimited
from nco.tables.columns import match

CUSTOMERS = """name,x,y,crates,opens,closes,service (min)
Depot,0,0,,06:00,18:00,
Ada,3,4,2,08:00,09:30,10
Bo,6,8,3,,12:00,5
Cy,0,5,1,14:15,,5
"""
VANS = """van,count,capacity,shift start,shift end,cost per hour,fixed,speed,skills
Big,2,9,07:00,16:00,30,50,60,cool
Small,1,3,,,24,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With both tables."""
    (tmp_path / "c.csv").write_text(CUSTOMERS)
    (tmp_path / "v.csv").write_text(VANS)
    return tmp_path


def case_of(text: str, folder: Path, problem: str | None = None, **arguments: Any) -> Any:
    """The case of a table."""
    path = folder / "table.csv"
    path.write_text(text)
    return sources.read(path, problem, arguments=arguments or None)


def test_clock_times_are_minutes(folder: Path) -> None:
    """Windows from midnight, with the unit and the way they are written kept."""
    case = sources.read(folder / "c.csv", arguments={"capacity": 6, "vehicles": 3})
    assert case.problem == "vrp"
    assert case.depots[0].window == Window(360, 1080)
    assert case.windows == (
        (Window(480, 570),),
        (Window(0, 720),),
        (Window(855, float("inf")),),
    )
    assert case.service.tolist() == [10, 5, 5]
    assert case.units == {"time": "min", "clock": "HH:MM"}
    assert [(v.count, v.capacity, v.speed) for v in case.vehicles] == [(3, (6.0,), 1.0)]
    assert any("a minute" in remark for remark in case.remarks)


def test_vehicles_have_a_table(folder: Path) -> None:
    """Costs and speeds per hour become those per minute."""
    case = sources.read(folder / "c.csv", arguments={"vehicles": str(folder / "v.csv")})
    big, small = case.vehicles
    assert (big.count, big.capacity, big.fixed, big.speed) == (2, (9.0,), 50, 1)
    assert (big.shift, big.unit_duration) == (Window(420, 960), 0.5)
    assert (small.count, small.unit_duration, small.unit_distance) == (1, 0.4, 1)
    assert (small.name, small.shift) == ("Small", Window(0, float("inf")))


@pytest.mark.parametrize("header", ["skills", "needs skill", "Required skills", "skill needed"])
def test_headers_of_skills(folder: Path, header: str) -> None:
    """A header that were left out would send goods in a vehicle that is not fit for them."""
    customers = f"name,x,y,demand,{header}\nHub,0,0,,\nA,1,1,2,\nB,2,2,1,cool\n"
    case = case_of(customers, folder, "vrp", vehicles=str(folder / "v.csv"))
    assert case.allowed[1] == (0,)  # the small van is not cool
    assert not any("leaves out" in remark for remark in case.remarks)


def test_skills_breaks_trips_and_open_ends(folder: Path) -> None:
    """The further columns of vehicles and of customers."""
    customers = "name,x,y,demand,pickup,skills,release\nHub,0,0,,,,\nA,1,1,2,,cool,3\nB,2,2,,1,,\n"
    vans = (
        "name,capacity,end,max trips,max km,max stops,break earliest,break latest,break length,"
        "skills\nx,4,,2,90,5,3,6,1,cool;tall\ny,4,open,,,,,,,\n"
    )
    (folder / "w.csv").write_text(vans)
    case = case_of(customers, folder, vehicles=str(folder / "w.csv"))
    first, second = case.vehicles
    assert (first.max_trips, first.reloads, first.max_distance, first.max_stops) == (2, (0,), 90, 5)
    assert first.breaks == (Break(Window(3, 6), 1),)
    assert (first.end, second.end) == (0, None)
    assert case.allowed == ((0,), None)
    assert case.pickup.tolist() == [[0], [1]]
    assert case.release.tolist() == [3, 0]


def test_several_windows_prizes_alternatives_and_shipments(folder: Path) -> None:
    """As columns, and as a text of windows."""
    text = (
        "name,x,y,demand,pickup,windows,open 2,close 2,prize,alternative,shipment\n"
        "D,0,0,,,,,,,,\n"
        "A,1,1,2,,8:00-9:00; 14:00 - 15:30,,,,,\n"
        "B,2,2,1,,,10:00,11:00,7,,\n"
        "C,3,3,,4,,,,,,s1\n"
        "E,4,4,4,,,,,,,s1\n"
        "F,5,5,1,,,,,,g,\n"
        "G,6,6,1,,,,,,g,\n"
    )
    case = case_of(text, folder, capacity=9)
    assert case.windows[0] == (Window(480, 540), Window(840, 930))
    assert case.windows[1] == (Window(600, 660),)
    assert case.required.tolist() == [True, False, True, True, True, True]
    assert case.prize.tolist() == [0, 7, 0, 0, 0, 0]
    assert case.shipments == (Shipment(3, 4),)
    assert case.groups == (Group((5, 6)),)


def test_rows_that_are_depots(folder: Path) -> None:
    """They come first; vehicles say where they start."""
    text = "name,x,y,demand,open,depot\nA,1,1,2,,\nNorth,0,9,,,yes\nSouth,0,0,,,yes\n"
    (folder / "w.csv").write_text("name,capacity,start\nv,5,South\nw,5,North\n")
    case = case_of(text, folder, vehicles=str(folder / "w.csv"))
    assert case.names["stops"] == ["North", "South", "A"]
    assert [(v.start, v.end) for v in case.vehicles] == [(1, 1), (0, 0)]
    alone = case_of(text, folder, capacity=5)
    assert [(v.count, v.start) for v in alone.vehicles] == [(None, 0), (None, 1)]
    with pytest.raises(InstanceError, match="with a column start"):
        case_of(text, folder, capacity=5, vehicles=2)


def test_travel_times_have_a_table(folder: Path) -> None:
    """By names, in either direction."""
    ways = (
        "Depot,Ada,7",
        "Depot,Bo,9",
        "Depot,Cy,3",
        "Ada,Bo,2",
        "Ada,Cy,4",
        "Bo,Cy,6",
        "Bo,Ada,8",
    )
    (folder / "t.csv").write_text("\n".join(("from,to,time", *ways, "")))
    case = sources.read(
        folder / "c.csv", arguments={"capacity": 6, "durations": str(folder / "t.csv")}
    )
    assert case.durations[0].tolist() == [[0, 7, 9, 3], [7, 0, 2, 4], [9, 8, 0, 6], [3, 4, 6, 0]]
    assert case.distances == ()


def test_places_on_the_globe_have_a_speed(folder: Path) -> None:
    """Kilometres an hour; 50 unless stated, which a remark says."""
    text = "name,lat,lon,demand,open\nD,52,5,,\nA,52.1,5.1,1,08:00\n"
    case = case_of(text, folder, capacity=3)
    assert case.vehicles[0].speed == pytest.approx(50 / 60)
    assert any("50 km/h" in remark for remark in case.remarks)
    assert case_of(text, folder, capacity=3, speed=30).vehicles[0].speed == 0.5


def test_numbers_without_a_unit_stay(folder: Path) -> None:
    """No clock and no unit: what the table says is what counts."""
    case = case_of(
        "name,x,y,demand,ready time,due date,service\nD,0,0,,,,\nA,1,1,1,5,9,2\n",
        folder,
        capacity=3,
    )
    assert case.windows == ((Window(5, 9),),)
    assert case.units == {}
    assert case.remarks[0].startswith("customers: reads")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("08:30", 510),
        ("8:30", 510),
        ("8h15", 495),
        ("2:15 pm", 855),
        ("12 am", 0),
        ("12:05 pm", 725),
        ("26:00", 1560),
        ("07:00:30", 420.5),
        (datetime.time(8, 30), 510),
        (datetime.datetime(2026, 3, 1, 8, 30), 510),
        (datetime.timedelta(hours=1), 60),
        ("8.5", None),
        ("08:75", None),
        (8.5, None),
        ("soon", None),
    ],
)
def test_times_of_the_day(cell: Any, value: float | None) -> None:
    """In the ways that people, Excel and pandas write them."""
    assert clock.minutes(cell) == value
    if isinstance(cell, str) and value is not None:
        assert clock.minutes(clock.text(value)) == value


def test_a_plan_is_a_table_that_is_read_back(folder: Path) -> None:
    """A row a stop, with arrival, waiting, begin and departure as times of the day."""
    case = sources.read(folder / "c.csv", arguments={"vehicles": str(folder / "v.csv")})
    plan = [Route(0, [1, 2]), Route(1, [3])]
    table = sheet.table(case, plan)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    first = rows[1]
    assert (first["vehicle"], first["name"], first["action"]) == ("Big", "Ada", "visit")
    assert clock.minutes(first["departure"]) == clock.minutes(first["begin"]) + 10
    assert rows[0]["load"] == 5
    assert rows[3]["distance"] == 20
    assert sheet.read_solution(table, case) == plan


def test_a_break_is_a_row_without_a_stop(folder: Path) -> None:
    """It is passed over when the plan is read."""
    (folder / "w.csv").write_text(
        "name,capacity,break earliest,break latest,break length\nv,9,08:00,10:00,20\n"
    )
    case = sources.read(folder / "c.csv", arguments={"vehicles": str(folder / "w.csv")})
    table = sheet.table(case, [Route(0, [1, 2, 3])])
    actions = [row[5] for row in table.rows]
    assert actions.count("break") == 1
    assert sheet.read_solution(table, case) == [Route(0, [1, 2, 3])]


def test_a_frame_is_solved_and_checked() -> None:
    """In Python: DataFrames of customers and vehicles, a plan as one."""
    customers = pandas.DataFrame(
        {
            "name": ["D", "A", "B"],
            "x": [0, 1, 2],
            "y": [0, 1, 2],
            "demand": [0, 1, 2],
            "close": [None, datetime.time(9), datetime.time(10)],
        }
    )
    vans = pandas.DataFrame({"name": ["v"], "capacity": [3], "shift start": ["07:00"]})
    solution = nco.solve(customers, vehicles=vans, time_limit=0.3, model="none")
    assert solution.feasible
    table = solution.table()
    assert list(table["action"]) == ["start", "visit", "visit", "end"]
    assert nco.check(customers, table, arguments={"vehicles": vans}).cost == solution.cost


def test_a_workbook_has_all_tables(tmp_path: Path) -> None:
    """Sheets of customers, vehicles and distances; Excel's own times; numpy's travel times."""
    customers = pandas.DataFrame(
        {"name": ["D", "A", "B"], "x": [0, 1, 2], "y": [0, 1, 2], "demand": [0, 1, 2]}
    )
    customers["close"] = [None, datetime.time(9), datetime.time(10, 30)]
    vans = pandas.DataFrame({"name": ["v"], "capacity": [3], "shift start": ["07:00"]})
    matrix = pandas.DataFrame([[0, 3, 4], [3, 0, 5], [4, 6, 0]], ["D", "A", "B"], ["D", "A", "B"])
    with pandas.ExcelWriter(tmp_path / "book.xlsx") as book:
        customers.to_excel(book, sheet_name="customers", index=False)
        vans.to_excel(book, sheet_name="vehicles", index=False)
        matrix.to_excel(book, sheet_name="distances")
    case = sources.read(tmp_path / "book.xlsx")
    assert [(v.name, v.capacity, v.shift.open) for v in case.vehicles] == [("v", (3.0,), 420)]
    assert case.distances[0].tolist() == matrix.to_numpy().tolist()
    assert case.windows[1] == (Window(0, 630),)
    own = {"vehicles": vans, "durations": matrix.to_numpy() * 2}
    assert sources.as_case(customers, arguments=own).durations[0][2].tolist() == [8, 12, 0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("08:00,09:30", "09:30,08:00", "closes before it opens"),
        ("08:00", "8:70", "a time such as 08:30"),
        ("08:00", "early", "number belongs here"),
        ("3,4,2", "3,4,-2", "must not be negative"),
        ("3,4,2", "3,4,x", "number belongs here"),
        ("Depot,0,0,", "Depot,0,0,4", "its demand must be 0"),
        (",10\n", ",-10\n", "must not be negative"),
    ],
)
def test_wrong_cells_are_refused(folder: Path, old: str, new: str, words: str) -> None:
    """In one line that names the file, its line and the column."""
    with pytest.raises(InstanceError, match=words) as caught:
        case_of(CUSTOMERS.replace(old, new, 1), folder, capacity=6)
    assert "table.csv:" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("vans", "words"),
    [
        ("name,capacity,end\nv,3,West\n", "no such depot"),
        ("name,capacity,count\nv,3,0\n", "every count is 0"),
        ("name,capacity,count\nv,3,1.5\n", "whole number"),
        ("name,capacity,break earliest\nv,3,08:00\n", "a break needs"),
        ("name,capacity,shift start,shift end\nv,3,10:00,08:00\n", "shift 600 to 480"),
        ("name,capacity,start\nv,3,open\n", "starts at a depot"),
    ],
)
def test_wrong_vehicles_are_refused(folder: Path, vans: str, words: str) -> None:
    """By the row of their table."""
    (folder / "w.csv").write_text(vans)
    with pytest.raises(InstanceError, match=words) as caught:
        sources.read(folder / "c.csv", arguments={"vehicles": str(folder / "w.csv")})
    assert "w.csv" in str(caught.value)


def test_what_other_problems_know_stays_with_them(folder: Path) -> None:
    """A demand alone is cvrp, vehicles with capacities hcvrp; a name makes it vrp."""
    text = "name,x,y,demand\nD,0,0,0\nA,1,1,1\n"
    (folder / "w.csv").write_text("name,capacity,count\nv,3,2\n")
    fleet = str(folder / "w.csv")
    assert case_of(text, folder, capacity=3).problem == "cvrp"
    assert case_of(text, folder, vehicles=fleet).problem == "hcvrp"
    assert case_of(text, folder, "vrp", vehicles=fleet).problem == "vrp"
    assert case_of(text, folder, capacity=3, rounding="round").problem == "vrp"


GLOBE = "name,lat,lon,demand,{0},{1}\nDepot,52,5,,,\nAda,52.1,5.1,1,{2},{3}\nBo,52.2,5,2,{4},{5}\n"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("open", "close", 8.5, 12, 9, 17), "close 17: may be hours or minutes"),
        (("open", "close", 0.354, 0.5, 0.375, 0.7), "may be hours or minutes"),
        (("open", "close", "08:30", "12:00", "9", "17:00"), "open 9: a time such as 08:30"),
        (("windows", "note", "8-10", "", "08:00-10:00", ""), "a time such as 08:30 belongs here"),
        (("open", "close", "2026-12-01 08:30", "2026-12-01 12:00", "", "2026-12-02 09:00"),
         "close 2026-12-02 09:00: is not on 2026-12-01"),
    ],
)  # fmt: skip
def test_times_that_may_be_two_things_are_refused(
    folder: Path, cells: tuple[object, ...], words: str
) -> None:
    """Hours or minutes, Excel's parts of a day, clock times among numbers, several days."""
    with pytest.raises(InstanceError, match=words):
        case_of(GLOBE.format(*cells), folder, capacity=5)


def test_numbers_of_minutes_between_places_on_the_globe(folder: Path) -> None:
    """Vehicles drive kilometres an hour, and a remark says what the numbers were taken for."""
    case = case_of(GLOBE.format("open", "close", 480, 720, 0, 1020), folder, capacity=5)
    assert case.vehicles[0].speed == pytest.approx(50 / 60)
    assert any("times without a unit are minutes" in remark for remark in case.remarks)
    hours = case_of(GLOBE.format("open (h)", "close (h)", 8, 12, 0, 17), folder, capacity=5)
    assert hours.windows[0] == (Window(480, 720),)
    moments = ("2026-12-01 08:00", "2026-12-01T12:00:00", "", "2026-12-01 17:00")
    assert case_of(GLOBE.format("open", "close", *moments), folder, capacity=5).windows[0] == (
        Window(480, 720),
    )


def test_a_column_of_times_that_nothing_reads_is_refused(folder: Path) -> None:
    """Whatever it is called: it may be a window in another language."""
    text = "name,lat,lon,demand,apertura\nDepot,52,5,,\nAda,52.1,5.1,1,08:00\n"
    with pytest.raises(InstanceError, match="apertura 08:00: is a time of the day, which is not"):
        case_of(text, folder, capacity=5)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *(("Cost/km", "unit"), ("EUR/km", "unit"), ("Price per km", "unit"), ("€/km", "unit")),
        *(("Cost (EUR/km)", "unit"), ("Kosten pro km", "unit"), ("Rate [€/h]", "per_hour")),
        *(("Cost/h", "per_hour"), ("Cost", "fixed"), ("Max weight", "capacity")),
    ],
)
def test_money_for_a_unit_is_no_fixed_cost(folder: Path, header: str, column: str) -> None:
    """Whether it is written with a mark or with words."""
    text = f"name,capacity x,{header}\nVan,7,2\n"
    table = delimited.read(text)
    assert table.columns[match(sheet.VEHICLES, table, {}).places[column]] == header


def test_vehicles_without_a_known_capacity_are_refused(folder: Path) -> None:
    """Demands would otherwise be carried by vans without limit."""
    (folder / "v.csv").write_text("van,stauraum\nBig,9\n")
    with pytest.raises(InstanceError, match="capacity: no such column of vehicles among van, stau"):
        sources.read(folder / "c.csv", arguments={"vehicles": str(folder / "v.csv")})


def test_an_empty_cell_leaves_it_to_the_prize_whether_a_client_is_required(folder: Path) -> None:
    """As without the column."""
    text = "name,x,y,demand,prize,required\nD,0,0,,,\nA,1,0,1,5,\nB,2,0,1,,\nC,3,0,1,5,yes\n"
    assert case_of(text, folder, capacity=5).required.tolist() == [False, True, True]


def test_what_need_not_be_served_is_named(folder: Path) -> None:
    """With the reason where no plan could serve it."""
    text = "name,x,y,demand,prize\nD,0,0,,\nA,1,0,1,5\nB,2,0,1,0.5\nC,3,0,9,5\n"
    case = case_of(text, folder, capacity=5)
    checked = nco.check(case, [[0, [1]]])
    assert checked.declined == ["client 2 (B)", "client 3 (C)"]
    found = nco.solve(case, time_limit=None, model="none")
    assert "client 3 (C): no plan can serve it: its load of 9" in found.declined[-1]
    assert "left out: client 3 (C)" in str(found)


def test_a_plan_names_its_vehicles(folder: Path) -> None:
    """A route of the second van is its type's; that of a vehicle that is not there is refused."""
    arguments = {"vehicles": str(folder / "v.csv")}
    plan = "fahrer,stop\n{},1\n{},2\n"
    case = sources.read(folder / "c.csv", arguments=arguments)
    path = folder / "plan.csv"
    path.write_text(plan.format("Big 1", "Big 2"))
    routes = sources.plan_of(case, path, {})
    assert routes == [Route(0, [1]), Route(0, [2])]
    path.write_text(plan.replace("fahrer", "A").format("Big", "Small"))
    assert sources.plan_of(case, path, {"vehicle": "A"}) == [Route(0, [1]), Route(1, [2])]
    path.write_text(plan.format("Big", "Truck 9"))
    with pytest.raises(InstanceError, match="Truck 9: no vehicle is called so; they are Big"):
        sources.plan_of(case, path, {})
    path.write_text("route,order,stop\n1,1,1\n1,,2\n")
    with pytest.raises(InstanceError, match="3: order: is empty"):
        sources.plan_of(case, path, {})


def test_a_place_far_from_all_others_is_remarked_on(folder: Path) -> None:
    """Latitude and longitude were swapped, or are zero."""
    text = "name,lat,lon,demand,open\nD,52,5,,\nA,52.1,5.1,1,08:00\nB,52,5.2,1,\nC,0,0,1,\n"
    remarks = case_of(text, folder, capacity=5).remarks
    assert any("C (0, 0) lies" in remark and "right?" in remark for remark in remarks)


def test_a_skill_that_no_vehicle_has_is_remarked_on(folder: Path) -> None:
    """It may be a slip."""
    text = "name,x,y,demand,skills\nD,0,0,,\nA,1,0,1,col\nB,2,0,1,cool\n"
    case = case_of(text, folder, vehicles=str(folder / "v.csv"))
    assert "no vehicle has the skill col; those of vehicles: cool" in case.remarks


def test_windows_in_hours(folder: Path) -> None:
    """By the header, or by a unit at the end of a window; "opening hours" is no unit."""
    for cells in (
        ("windows (h)", "note", "8-12;14-18", ""),
        ("windows", "note", "8-12 h;14-18 h", ""),
    ):
        case = case_of(GLOBE.format(*cells, "", ""), folder, capacity=5)
        assert case.windows[0] == (Window(480, 720), Window(840, 1080))
    with pytest.raises(InstanceError, match="may be hours or minutes"):
        case_of(GLOBE.format("opening hours", "note", "8-12", "", "", ""), folder, capacity=5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,x,y,duration\nA,0,0,3\nB,1,1,4\nC,2,0,5\n", "tsp"),
        ("name,x,y,demand,from,end\nD,0,0,,,\nA,1,0,2,Berlin,no\nB,2,0,2,Bonn,no\n", "cvrp"),
        ("name,x,y,demand,from,end\nD,0,0,,,\nA,1,0,2,08:00,12:00\nB,2,0,2,,\n", "vrp"),
        ("name,x,y,demand,von,bis\nD,0,0,,,\nA,1,0,2,08:00,12:00\nB,2,0,2,,\n", "vrp"),
    ],
)
def test_words_of_many_meanings_are_windows_over_times_alone(
    folder: Path, text: str, problem: str
) -> None:
    """A place of origin, or how long something takes, is none."""
    capacity = {} if problem == "tsp" else {"capacity": 5}
    assert case_of(text, folder, **capacity).problem == problem


def test_the_sheet_of_ways_is_found_beside_visits(tmp_path: Path) -> None:
    """Whose start, end and duration look like those of a way."""
    stops = pandas.DataFrame(
        {
            "name": ["D", "A", "B"],
            "lat": [52, 52.1, 52.2],
            "lon": [5, 5.1, 5],
            "start": ["", "08:00", "09:00"],
            "end": ["", "12:00", "17:00"],
            "duration": [0, 5, 5],
        }
    )
    pairs = [(a, b, 7 + k) for k, (a, b) in enumerate([("D", "A"), ("D", "B"), ("A", "B")])]
    ways = pandas.DataFrame(pairs, columns=["from", "to", "distance"])
    path = tmp_path / "both.xlsx"
    with pandas.ExcelWriter(path) as writer:
        stops.to_excel(writer, sheet_name="visits", index=False)
        ways.to_excel(writer, sheet_name="ways", index=False)
    case = sources.read(path, "vrp")
    assert case.distances[0].tolist() == [[0, 7, 8], [7, 0, 9], [8, 9, 0]]
