"""Columns that state a rule are refused where nothing reads them."""

from pathlib import Path

import pandas
import pytest

import nco
from nco.core.errors import InstanceError
from nco.registry import sources

CUSTOMERS = {"name": ["Depot", "A", "B"], "x": [0, 3, 4], "y": [0, 4, 0], "demand": [0, 2, 3]}
JOBS = {"job": ["A", "A", "B"], "machine": ["saw", "drill", "saw"], "duration": [3, 4, 5]}


@pytest.mark.parametrize(
    ("columns", "header", "rule"),
    [
        (CUSTOMERS, "Ready time", "a release time"),
        (CUSTOMERS, "tw_end", "a time window"),
        (CUSTOMERS, "service time (min)", "a service time"),
        (JOBS, "Due date", "a due date"),
        (JOBS, "release", "a release time"),
        (JOBS, "Setup (min)", "a time to set up machines"),
        (JOBS, "predecessor", "an order of operations"),
    ],
)
def test_a_rule_that_nothing_reads_is_refused(
    columns: dict[str, list[object]], header: str, rule: str
) -> None:
    """In a line that names the column, the value and the remedy; zeros state no rule."""
    table = pandas.DataFrame(columns)
    arguments = {"capacity": 9} if columns is CUSTOMERS else {}
    problem = "cvrp" if columns is CUSTOMERS else "jssp"
    table[header] = [0, 0, 7]
    with pytest.raises(InstanceError) as caught:
        sources.as_case(table, problem, arguments=arguments)
    for word in (header, "7", rule, "remove the column"):
        assert word in str(caught.value)
    table[header] = 0
    assert sources.as_case(table, problem, arguments=arguments).size in (2, 3)


def test_a_missing_column_is_named_of_the_problem_that_takes_the_argument(tmp_path: Path) -> None:
    """Customers without a demand, and a capacity: these are routes, and no matrix of distances."""
    path = tmp_path / "c.csv"
    path.write_text("Kunde;lat;lon;Boxen\nDepot;53,5;10,0;0\nA;53,6;10,1;3\n")
    with pytest.raises(InstanceError, match=r"cvrp needs the columns demand, .*--columns demand="):
        nco.read(path, arguments={"capacity": 5})
