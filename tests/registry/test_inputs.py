"""What cannot be solved says why in one line, before any search; what is only odd gets a note."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import nco
from nco import registry
from nco.cli import main
from nco.core.errors import InstanceError
from nco.registry.sources import as_case

VRP = """NAME : three
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
VEHICLES : 2
NODE_COORD_SECTION
1 0 0
2 0 5
3 5 0
4 5 5
DEMAND_SECTION
1 0
2 6
3 6
4 6
DEPOT_SECTION
1
-1
EOF
"""
ROUTES = {"coords": [[0, 0], [0, 5], [5, 0], [5, 5]], "demand": [0, 6, 6, 6], "capacity": 10}
FLEET = "the demands, 18 in all, need at least 3 vehicles of capacity 10: allow 3 or more"


def test_a_fleet_that_is_too_small_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """18 would fit into two vehicles of 10 by the sum alone, but no two of the loads together."""
    path = tmp_path / "three.vrp"
    path.write_text(VRP)
    with pytest.raises(SystemExit) as ended:
        main(["solve", str(path)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{path}:6: VEHICLES 2: {FLEET}" in said
    with pytest.raises(InstanceError, match=f"vehicles 2: {FLEET}"):
        nco.solve({**ROUTES, "vehicles": 2})
    assert as_case({**ROUTES, "vehicles": 3}).size == 3


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            {**ROUTES, "vehicles": 3, "speed": 3},
            "speed: no such key; the arrays of cvrp are capacity, coords",
        ),
        ({"coord": [[0, 0], [1, 1]]}, "coord: no such key; the arrays of "),
        ({"values": [1], "weight": [1], "capacity": 1}, "weight: no such key; the arrays of knap"),
        ({"jobs": [[[(-1, 3)]]]}, "jobs: job 0, operation 0: machine -1: machines count from 0"),
        (
            {"jobs": [[[(0, 1.5)]]]},
            "jobs: job 0, operation 0: duration 1.5: must be a whole number",
        ),
        ({"jobs": [[("saw", 1.5)]]}, "jobs: job 0, operation 0: duration 1.5: must be a whole"),
        ({"jobs": [["saw"]]}, "jobs: job 0, operation 0 saw: must be one list a job, of one"),
        ({"jobs": [[[(10**9, 3)]]]}, "machines 1000000001: at most 1000000: number the machines"),
    ],
)
def test_slips_are_named(source: object, reason: str) -> None:
    """A wrong key is answered with the keys of the nearest problem, a wrong value with a rule."""
    with pytest.raises(InstanceError) as raised:
        nco.solve(source)
    assert str(raised.value).startswith(reason)


def folders(monkeypatch: pytest.MonkeyPatch, refusing: set[str]) -> None:
    """Two problems that both recognise every text; those named refuse to read it."""

    def folder(name: str) -> SimpleNamespace:
        def read(text: str, *, path: str | None = None) -> SimpleNamespace:
            if name in refusing:
                raise InstanceError("states a rule that is not supported", path=path)
            return SimpleNamespace(problem=name)

        return SimpleNamespace(files=SimpleNamespace(recognise=lambda text: True, read=read))

    monkeypatch.setattr(registry, "names", lambda: ["plain", "richer"])
    monkeypatch.setattr(registry, "folder", folder)


def test_a_file_that_two_problems_recognise_belongs_to_the_one_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem without a rule that a file states steps aside; where both or none read it,
    the caller has to say."""
    path = tmp_path / "some.file"
    path.write_text("text")
    folders(monkeypatch, {"plain"})
    assert nco.read(path).problem == "richer"
    for refusing in (set[str](), {"plain", "richer"}):
        folders(monkeypatch, refusing)
        with pytest.raises(InstanceError, match="may be plain or richer; name one with problem="):
            nco.read(path)


def test_customers_out_of_reach_are_noted() -> None:
    """Only where no way over other customers is shorter."""
    case = as_case({"coords": [[0, 0], [1, 0], [9, 0]], "prizes": [0, 1, 1], "limit": 4})
    assert case.notes() == [
        "1 of 2 customers are out of reach, such as 2: there and back is 18, the limit is 4"
    ]
    matrix = [[0, 1, 9], [1, 0, 1], [9, 1, 0]]
    assert as_case({"distances": matrix, "prizes": [0, 1, 1], "limit": 4}).notes() == []
