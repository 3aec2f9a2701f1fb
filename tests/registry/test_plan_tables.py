"""Tables of solutions that people write: frames, headers, names, and which columns are whose."""

from pathlib import Path
from typing import Any

import pandas
import pytest

import nco
from nco import registry
from nco.core.errors import InstanceError
from nco.registry import sources

STOPS = pandas.DataFrame(
    {
        "client": ["depot", "Ann", "Bob", "Cy"],
        "x": [0, 0, 1, 2],
        "y": [0, 2, 2, 0],
        "demand": [0, 3, 3, 3],
    }
)
AT_ONCE: dict[str, Any] = {"arguments": {"capacity": 6}}


def plan(folder: Path, text: str) -> Path:
    """A file of a solution."""
    path = folder / "plan.csv"
    path.write_text(text)
    return path


def test_a_data_frame_is_read_as_the_file_is() -> None:
    """What `Solution.table` makes is a solution, also of an instance that is a case."""
    solution = nco.solve(STOPS, capacity=6, time_limit=0.2)
    for instance, more in ((STOPS, AT_ONCE), (solution.case, {})):
        report = nco.check(instance, solution.table(), **more)
        assert report.feasible
        assert report.cost == pytest.approx(solution.cost)


HEADERS = [
    "Tour;Reihenfolge;Kunde\n1;2;Bob\n1;1;Ann\n2;1;Cy\n",
    "vehicle,stop number,customer\nred,1,Ann\nred,2,Bob\nblue,1,Cy\n",
    "van,sequence,stop\nred,1,Ann\nred,2,Bob\nblue,1,Cy\n",
    "Fahrzeug,Position,Client\n1,0,depot\n1,1,Ann\n1,2,Bob\n1,3,depot\n2,1,Cy\n",
    "route,customer\n1,1\n1,2\n2,3\n",
    "route,stop number\n1,1\n1,2\n2,3\n",
]


@pytest.mark.parametrize("text", HEADERS)
def test_headers_and_names_that_people_use(text: str, tmp_path: Path) -> None:
    """The synonyms of instances, and those of routes and orders; stops by names or numbers."""
    report = nco.check(STOPS, plan(tmp_path, text), **AT_ONCE)
    assert report.cost == pytest.approx(nco.check(STOPS, [[1, 2], [3]], **AT_ONCE).cost)
    assert report.feasible


def test_numbers_that_are_names(tmp_path: Path) -> None:
    """Customers called 3, 2, 1 are meant by a column customer, and their numbers by stop."""
    stops = STOPS.assign(client=["depot", "3", "2", "1"])
    by_names = nco.check(stops, plan(tmp_path, "route,id\n1,3\n1,2\n2,1\n"), **AT_ONCE)
    assert by_names.cost == nco.check(stops, [[1, 2], [3]], **AT_ONCE).cost
    far = STOPS.assign(client=["depot", "30", "20", "10"])
    assert nco.check(far, plan(tmp_path, "route,stop\n1,30\n1,20\n2,10\n"), **AT_ONCE).feasible


def test_a_number_and_a_name_that_disagree_are_refused(tmp_path: Path) -> None:
    """So an order that is headed stop is not taken for the stops."""
    path = plan(tmp_path, "route,stop,customer\n1,1,Bob\n1,2,Ann\n2,1,Cy\n")
    with pytest.raises(InstanceError, match=r"plan.csv:2: customer Bob: stop 1 is Ann: leave one"):
        nco.check(STOPS, path, **AT_ONCE)
    stated: dict[str, Any] = {**AT_ONCE, "columns": {"order": "stop"}}
    assert nco.check(STOPS, path, **stated).feasible


def test_columns_are_those_of_the_instance_the_plan_or_both(tmp_path: Path) -> None:
    """Each goes where its header is; one that is nowhere is named."""
    stops = STOPS.rename(columns={"demand": "next week", "client": "who"})
    path = plan(tmp_path, "Los,Nummer,who\n1,2,Bob\n1,1,Ann\n2,1,Cy\n")
    columns = {"demand": "next week", "name": "who", "route": "Los", "order": "Nummer"}
    report = nco.check(stops, path, columns=columns, arguments={"capacity": 6})
    assert report.feasible
    assert report.cost == nco.check(STOPS, [[1, 2], [3]], **AT_ONCE).cost
    case = nco.read("example:customers.csv", arguments={"capacity": 40})
    for name, header, message in [
        ("route", "Tuor", r"plan.csv: columns route= Tuor: no such column; there are Los"),
        ("rout", "Los", "columns rout: no such column"),
    ]:
        with pytest.raises(InstanceError, match=message):
            nco.check(stops, path, columns={**columns, name: header}, **AT_ONCE)
    with pytest.raises(InstanceError, match="columns start: no such column of a solution"):
        nco.check(case, plan(tmp_path, "route,stop,start\n1,1,1\n"), columns={"start": "start"})


def test_items_by_names(tmp_path: Path) -> None:
    """A column item may hold names, as that of an instance does."""
    items = pandas.DataFrame({"item": ["tent", "stove"], "value": [3, 2], "weight": [2, 2]})
    more: dict[str, Any] = {"arguments": {"capacity": 3}}
    for text in ("item\ntent\n", "Product\ntent\n", "item\n0\n"):
        assert nco.check(items, plan(tmp_path, text), **more).objective == 3
    with pytest.raises(InstanceError, match=r"plan.csv:2: item tant: no item is called so"):
        nco.check(items, plan(tmp_path, "item\ntant\n"), **more)


def test_the_last_row_of_a_route_has_its_load_whatever_the_fleet() -> None:
    """The depot's rows have the same load in cvrp and hcvrp: 0 first, and the route's last."""
    fleet = pandas.DataFrame({"capacity": [6, 6]})
    for more in ({"capacity": 6}, {"vehicles": fleet}):
        case = sources.as_case(STOPS, arguments=more)
        table = registry.folder(case.problem).sheet.table(case, [[1, 2], [3]])
        loads = [row[table.columns.index("load")] for row in table.rows]
        assert loads == [0, 3, 6, 6, 0, 3, 3]
