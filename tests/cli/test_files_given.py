"""FILES: folders, patterns, compressed files, the standard input; and files of other problems."""

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from nco import cli
from nco.core.errors import InstanceError
from nco.registry import foreign, shipped, sources

SQUARE = (
    "NAME : square\nTYPE : TSP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\n"
    "NODE_COORD_SECTION\n1 0 0\n2 0 10\n3 10 10\n4 10 0\nEOF\n"
)
SOLOMON = "C101\n\nVEHICLE\nNUMBER     CAPACITY\n  25         200\n\nCUSTOMER\nCUST NO.  XCOORD.\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with two instances, one of them compressed, and other files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.tsp").write_text(SQUARE)
    (tmp_path / "set/b.tsp.gz").write_bytes(gzip.compress(SQUARE.encode()))
    (tmp_path / "set/notes.md").write_text("# Notes\n")


def solved(capsys: pytest.CaptureFixture, *words: str) -> tuple[int, list[dict], str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["solve", *words, "--model", "none", "--json"])
    said = capsys.readouterr()
    return int(stop.value.code or 0), [json.loads(line) for line in said.out.splitlines()], said.err


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("set",), ["set/a.tsp", "set/b.tsp.gz"]),
        (("set/*.tsp",), ["set/a.tsp"]),
        (("set/b.tsp.gz", "set/a.tsp"), ["set/b.tsp.gz", "set/a.tsp"]),
        (("set", "--total_time", "0.2"), ["set/a.tsp", "set/b.tsp.gz"]),
    ],
)
def test_files_are_found(
    capsys: pytest.CaptureFixture, words: tuple[str, ...], names: list[str]
) -> None:
    """Each is solved under the name that it has."""
    code, rows, _ = solved(capsys, *words)
    assert code == 0
    assert [row["file"] for row in rows] == names
    assert {row["cost"] for row in rows} == {40}


def test_the_standard_input_is_a_file(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named `-`; what is wrong with it is said of `-`."""
    for text, code in ((SQUARE, 0), (SQUARE.replace("4 10 0", "4 10 x"), 2)):
        given = SimpleNamespace(buffer=io.BytesIO(text.encode()))
        monkeypatch.setattr("sys.stdin", given)
        found, rows, err = solved(capsys, "-")
        assert found == code
        assert rows[0]["file"] == "-"
    assert err.startswith("nco: -:9: ")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("https://x.org/a.tsp", "https://x.org/a.tsp: an address of the web; download it first"),
        ("none/*.tsp", "none/*.tsp: no file has such a name"),
        ("empty", "empty: no file of this folder is recognised as an instance"),
        ("cut.gz", "cut.gz: cannot be unpacked"),
    ],
)
def test_what_holds_no_instance_is_one_line(
    capsys: pytest.CaptureFixture, word: str, message: str
) -> None:
    """As what it is."""
    Path("empty").mkdir()
    Path("cut.gz").write_bytes(gzip.compress(SQUARE.encode())[:-9])
    code, _, err = solved(capsys, word)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_file_of_another_problem_is_refused_as_what_it_is() -> None:
    """A Solomon file is not a cvrp file with a strange first line."""
    Path("C101.txt").write_text(SOLOMON)
    with pytest.raises(InstanceError, match=r"C101.txt:1: .* \(this is a file of vrp\)"):
        sources.read("C101.txt", "cvrp")


def test_no_file_that_ships_is_foreign() -> None:
    """A program of another kind is."""
    assert [path for path in shipped.examples().values() if foreign.kind(path.read_text())] == []
    assert "mixed-integer" in str(foreign.kind("Minimize\n x + y\n"))


def checked(capsys: pytest.CaptureFixture, *words: str) -> tuple[int, str, str]:
    """Exit code and output of ``nco check``."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", *words])
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


def test_check_takes_compressed_files_and_the_standard_input(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the instance or the solution, not both; errors name what was given."""
    tour = b"TYPE : TOUR\nDIMENSION : 4\nTOUR_SECTION\n1\n2\n3\n4\n-1\nEOF\n"
    Path("best.tour.gz").write_bytes(gzip.compress(tour))
    Path("short.tour.gz").write_bytes(gzip.compress(tour.replace(b"4\n-1", b"x\n-1")))
    code, out, _ = checked(capsys, "set/b.tsp.gz", "best.tour.gz")
    assert (code, out.splitlines()[0]) == (0, "feasible, objective 40")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(tour)))
    code, out, _ = checked(capsys, "set/a.tsp", "-")
    assert (code, out.splitlines()[0]) == (0, "feasible, objective 40")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(SQUARE.encode())))
    assert checked(capsys, "-", "best.tour.gz")[0] == 0
    code, _, err = checked(capsys, "set/a.tsp", "short.tour.gz")
    assert code == 2
    assert "short.tour.gz" in err
    assert "/nco-" not in err
    assert "not both" in checked(capsys, "-", "-")[2]
    assert "set: 2 files; name one" in checked(capsys, "set", "best.tour.gz")[2]
