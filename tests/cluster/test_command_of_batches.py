"""`nco solve --cluster` as a person types it: folders of results, and what is refused at once."""

import json

import pytest
from cluster_nodes import ray_or_skip

from nco import cli

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]


def run(*words):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    return stop.value.code


def test_another_run_is_refused_before_a_cluster_begins(tmp_path, capsys):
    """The folder of one run is not that of another."""
    bag = '{"values": [6, 4], "weights": [5, 4], "capacity": 8}\n'
    path = tmp_path / "many.jsonl"
    path.write_text(bag)
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"format": 1, "inputs": ["other"]}))
    assert run("solve", str(path), "--cluster", "10.255.255.1:1", "--output", str(out)) == 2
    assert "is another run (inputs ['other'], not" in capsys.readouterr().err
