"""Where the instances of a batch come from: files, patterns, manifests and iterables."""

import json

import numpy as np
import pytest

import nco
from nco.cluster import inputs
from nco.core.errors import InstanceError, NCOError

ITEMS = {"values": [6, 4, 3], "weights": [5, 4, 3], "capacity": 8}
SQUARE = [[0, 0], [0, 1], [1, 1], [1, 0]]


def read(sources, **options):
    return list(inputs.tasks(sources, **options))


def test_arrays_have_an_id_of_their_place_and_content():
    """So that another content is another instance, and the same one is known again."""
    first = read([ITEMS, SQUARE, np.array(SQUARE)])
    again = read([ITEMS, {**ITEMS, "capacity": 9}])
    assert [task.index for task in first] == [0, 1, 2]
    assert first[0].id == again[0].id
    assert first[1].id[:8] == again[1].id[:8] == "00000001"
    assert first[1].id != again[1].id
    assert first[0].payload.case({}).problem == "knapsack"
    assert first[2].payload.case({}).size == 4


def test_pairs_name_their_instances():
    """As a caller's own numbers do."""
    task = read([("order-7", ITEMS)])[0]
    assert (task.id, task.payload.case({}).capacity) == ("order-7", 8)


def test_files_patterns_and_folders(tmp_path):
    """Each file by its path, in the order of the names; its content travels along."""
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text("value,weight\n6,5\n4,4\n")
    pattern = str(tmp_path / "*.csv")
    tasks = read([pattern])
    assert [task.id for task in tasks] == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert [task.id for task in read([str(tmp_path)])] == [task.id for task in tasks]
    (tmp_path / "a.csv").unlink()
    case = tasks[0].payload.case({"arguments": {"capacity": 5}})
    assert case.size == 2
    assert inputs.count([pattern, str(tmp_path)]) == 2
    with pytest.raises(NCOError, match="no file has such a name"):
        read([str(tmp_path / "*.none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(NCOError, match="there is no file in this folder"):
        read([str(tmp_path / "empty")])


def test_shared_files_are_read_by_the_hosts(tmp_path):
    """Only their paths travel."""
    path = tmp_path / "a.csv"
    path.write_text("value,weight\n6,5\n4,4\n")
    (task,) = read([str(path)], shared=True)
    assert task.payload.content is None
    assert task.payload.case({"arguments": {"capacity": 5}}).size == 2


def test_what_is_wrong_with_a_file_is_said_with_its_own_name(tmp_path):
    """Not with that of the copy on the host."""
    path = tmp_path / "bad.tsp"
    path.write_text("NAME : bad\nTYPE : TSP\nDIMENSION : x\n")
    (task,) = read([str(path)])
    with pytest.raises(NCOError, match=rf"^{path}:3: DIMENSION x"):
        task.payload.case({})
    (missing,) = read([str(tmp_path / "missing.tsp")])
    with pytest.raises(NCOError, match=r"missing\.tsp: cannot be read: No such file"):
        missing.payload.case({})


def manifest(tmp_path, kind):
    rows = [{"id": "x", **ITEMS}, {"id": "y", "time_limit": 2.5, **ITEMS, "capacity": 7}]
    path = tmp_path / f"many.{kind}"
    if kind == "parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is of the extra `ray`")
        parquet = pytest.importorskip("pyarrow.parquet")
        rows[0]["time_limit"] = None  # the first row has all columns
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_manifest_has_an_instance_in_each_row(tmp_path, kind):
    """Arrays under their own names, and what is said of this instance alone."""
    path = manifest(tmp_path, kind)
    first, second = read([path])
    assert (first.id, second.id) == ("x", "y")
    assert inputs.count([path]) == 2
    assert dict(first.payload.options) == {}
    assert dict(second.payload.options) == {"time_limit": 2.5}
    assert nco.solve(second.payload.case({}), model="none", time_limit=None).feasible
    assert second.payload.case({}).capacity == 7


def test_a_manifest_may_list_paths(tmp_path):
    """Beside itself or from the present folder; the problem where files do not tell."""
    (tmp_path / "bag.csv").write_text("value,weight\n6,5\n")
    path = tmp_path / "list.csv"
    path.write_text("path,problem\nbag.csv,knapsack\n")
    assert inputs.is_manifest(str(path))
    assert not inputs.is_manifest(str(tmp_path / "bag.csv"))
    (task,) = read([str(path)])
    assert task.id == "bag.csv"
    assert dict(task.payload.options) == {"problem": "knapsack"}
    assert inputs.count([str(path)]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": 1}\n', r"many\.jsonl:1: no path, and no arrays"),
        ('{"path": "a"}\n[1]\n', r"many\.jsonl:2: \[1\]: no JSON object"),
        ("{\n", r"many\.jsonl:1: no JSON \("),
        ('{"path": "a", "time_limit": "x"}\n', r":1: time_limit x: is no number of seconds"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path, text, words):
    """And by what it lacks."""
    path = tmp_path / "many.jsonl"
    path.write_text(text)
    with pytest.raises(InstanceError, match=words):
        read([str(path)])


def test_an_iterable_is_drawn_one_by_one():
    """It may have no end."""

    def endless():
        while True:
            yield ITEMS

    tasks = inputs.tasks(endless())
    assert [next(tasks).index for _ in range(3)] == [0, 1, 2]
    assert inputs.count(endless()) is None
