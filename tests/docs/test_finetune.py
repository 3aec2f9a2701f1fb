"""The page on one's own distribution: its commands, shortened, one after another."""

import re
import shlex
from pathlib import Path

import pages
import pytest

from nco import cli
from nco.training.curve import Curve

SHORTER = (  # what a page says, and what a test has the time for
    (r"--size 40-60", "--size 6-8"),
    (r"--instances 4000", "--instances 8 --chunk 4"),
    (r"--instances 64 --chunk 8", "--instances 4 --chunk 2"),
    (r"--trainer.max_time 00:00:30:00", "--trainer.max_steps 2"),
    (r"--trainer.max_time 00:02:00:00", "--trainer.max_steps 9"),
    (r"decay_steps 500", "decay_steps 2"),
    (
        r"--trainer.limit_train_batches 100",
        "--trainer.limit_train_batches 1 --trainer.log_every_n_steps 1",
    ),
)
SQUARE = (
    "NAME : mine\nTYPE : TSP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\n"
    "NODE_COORD_SECTION\n1 0 0\n2 0 10\n3 10 10\n4 10 0\nEOF\n"
)


@pytest.mark.long
def test_the_commands_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Labels, training from a shipped network, decay, measurements, and an answer."""
    monkeypatch.chdir(tmp_path)
    Path("my.tsp").write_text(SQUARE)
    page = pages.DOCS / "train" / "finetune.md"
    lines = [line for block in pages.blocks(page, "sh") for line in block.splitlines()]
    assert len(lines) == 8
    for line in lines:
        for pattern, shorter in SHORTER:
            line = re.sub(pattern, shorter, line)
        words = shlex.split(line)[1:]
        if words[0] == "fit":
            words += ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
            words += ["--data.init_args.batch_size", "2"]
            cli.main(words)
            continue
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        assert stop.value.code == 0, line
    curve = Curve.read(Path("runs/mine/curve.csv"))
    assert max(curve.rows) == 4  # two steps, and two of decay
    assert curve.rows[4]["val/mine_test/gap"] < 100
    assert Path("mine.png").stat().st_size > 1000
    assert capsys.readouterr().out.count("mine_test") == 3  # twice measured, once compared
