"""The ledger: what has ended stays, and is never done again; and the tables made from it."""

import json

import pytest
from full_disks import full_at

from nco.cluster.ledger import Ledger
from nco.cluster.task import Kind, Result, Task
from nco.core.errors import InstanceError, NCOError

ABOUT = {"inputs": ["a.jsonl"], "options": {"seed": 0}}
ROW = {"problem": "tsp", "cost": 3, "objective": 3, "feasible": True, "solution": [1, 2]}


def done(index, id=None):
    return Result(Task(id or f"t{index}", index, None), Kind.DONE, ROW, None, "here")


def failed(index):
    return Result(Task(f"t{index}", index, None), Kind.QUARANTINED, None, "no luck", "here", 3)


def test_what_ended_is_not_begun_again(tmp_path):
    """By the next process that opens the folder."""
    with Ledger(tmp_path / "run", ABOUT) as ledger:
        assert ledger.begin("t0")
        ledger.add(done(0))
        ledger.add(failed(1))
    with Ledger(tmp_path / "run", ABOUT) as ledger:
        assert not ledger.begin("t0")
        assert not ledger.begin("t1")
        assert ledger.begin("t2")
        assert ledger.counts == {Kind.DONE: 1, Kind.REFUSED: 0, Kind.QUARANTINED: 1}


def test_a_line_that_was_broken_off_is_done_again(tmp_path):
    """As after a kill in the middle of a write; what comes later is whole."""
    with Ledger(tmp_path, ABOUT) as ledger:
        ledger.add(done(0))
        ledger.add(done(1))
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    with Ledger(tmp_path, ABOUT) as ledger:
        assert not ledger.begin("t0")
        assert ledger.begin("t1")
        ledger.add(done(1))
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["t0", "t1"]


def test_a_full_disk_costs_no_line_and_leaves_no_half_one(tmp_path):
    """The error names the file; what was written stays, and the next process goes on."""
    path = tmp_path / "ledger.jsonl"
    with Ledger(tmp_path, ABOUT) as ledger:
        for index in range(4):
            ledger.add(done(index))
        with pytest.raises(OSError, match=f"'{path}'"), full_at(path.stat().st_size + 50):
            ledger.add(done(4))
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert ids == ["t0", "t1", "t2", "t3"]
    with Ledger(tmp_path, ABOUT) as ledger:
        for index in range(20):
            if ledger.begin(f"t{index}"):
                ledger.add(done(index))
        with pytest.raises(OSError, match=r"results\.jsonl'"), full_at(1000):
            ledger.export("jsonl")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.jsonl", "run.json"]
        rows = ledger.export("jsonl").read_text().splitlines()
    assert [json.loads(row)["id"] for row in rows] == [f"t{index}" for index in range(20)]


def test_two_instances_with_one_id_are_refused(tmp_path):
    """One of them would be lost without a word."""
    with Ledger(tmp_path, ABOUT) as ledger:
        ledger.begin("a")
        with pytest.raises(InstanceError, match="id a: two instances"):
            ledger.begin("a")


def test_another_run_does_not_go_on_here(tmp_path):
    """The difference is named."""
    with Ledger(tmp_path, ABOUT):
        pass
    other = {**ABOUT, "options": {"seed": 1}}
    with pytest.raises(NCOError, match=r"run\.json: is another run \(options .*'seed': 0"):
        Ledger(tmp_path, other).__enter__()


def test_two_processes_do_not_write_the_same_ledger(tmp_path):
    """The second one is told so."""
    with Ledger(tmp_path, ABOUT), pytest.raises(NCOError, match="another process works on"):
        Ledger(tmp_path, ABOUT).__enter__()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    """Its files are not taken for a ledger."""
    (tmp_path / "mine.jsonl").write_text("{}\n")
    with pytest.raises(NCOError, match="holds something else"):
        Ledger(tmp_path, ABOUT).__enter__()


def test_tables_are_in_the_order_of_the_input_or_as_results_came(tmp_path):
    """JSON lines and Parquet say the same."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is of the extra `ray`")
    with Ledger(tmp_path, ABOUT) as ledger:
        for index in (2, 0, 3):
            ledger.add(done(index))
        ledger.add(failed(1))
        lines = ledger.export("jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["id"] for row in rows] == ["t0", "t1", "t2", "t3"]
        assert rows[0]["solution"] == [1, 2]
        assert rows[1]["error"] == "no luck"
        table = parquet.read_table(ledger.export("parquet", in_order=False)).to_pylist()
    assert [row["id"] for row in table] == ["t2", "t0", "t3", "t1"]
    assert table[0]["cost"] == 3.0
    assert json.loads(table[0]["solution"]) == [1, 2]
    assert (table[3]["cost"], table[3]["ended"], table[3]["tries"]) == (None, "quarantined", 3)


def test_a_parquet_file_has_every_row(tmp_path, monkeypatch):
    """Also where it is written in several parts."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is of the extra `ray`")
    monkeypatch.setattr("nco.cluster.ledger.ROWS", 3)
    with Ledger(tmp_path, ABOUT) as ledger:
        for index in range(10):
            ledger.add(done(index))
        table = parquet.read_table(ledger.export("parquet"))
    assert table["index"].to_pylist() == list(range(10))
