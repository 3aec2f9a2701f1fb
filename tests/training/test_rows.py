"""`nco test` and `nco validate` show each set's row as soon as it is done."""

import re
import signal
from pathlib import Path

import pytest
import torch
from training_runs import fit

from nco.labels import store
from nco.models.imitation import Imitation
from nco.training.command import main
from nco.training.gaps import mean

pytestmark = pytest.mark.usefixtures("one_thread")
ROW = re.compile(
    r"^(\S+) +(-?[\d.]+) ± ([\d.]+) +(-?[\d.]+) ± ([\d.]+) +(\d+) +([\d.]+)(.*)$", re.M
)


def second(tours: Path, folder: Path) -> Path:
    """The same set under another name."""
    other = folder / "others"
    other.symlink_to(tours)
    return other


@pytest.mark.long
def test_each_set_has_a_row(
    config: Path, tours: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """With mean, standard error, instances and seconds; also by `nco validate`."""
    path = fit(config, "x")
    sets = f"[{tours}, {second(tours, tmp_path)}]"
    capsys.readouterr()
    words = ["--config", str(config), "--ckpt_path", str(path)]
    main(["test", *words, "--data.init_args.test_references", sets])
    rows = ROW.findall(capsys.readouterr().out)
    assert [row[0] for row in rows] == ["tours", "others"]
    assert [row[5] for row in rows] == ["12", "12"]
    assert rows[0][1:5] == rows[1][1:5]
    assert float(rows[0][2]) > 0
    main(["validate", *words])
    assert ROW.findall(capsys.readouterr().out)[0][:6] == rows[0][:6]


@pytest.mark.long
def test_an_interrupted_test_keeps_its_rows(
    config: Path,
    tours: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C in the second set leaves the first one's row, and one of what was done of it."""
    path = fit(config, "x")
    true, done = Imitation.test_step, []

    def step(self: Imitation, batch: store.Labelled, index: int, dataloader_idx: int = 0) -> None:
        done.append(len(batch))
        if sum(done) > 12 + 4:  # a batch of the second set is behind us
            raise KeyboardInterrupt
        true(self, batch, index, dataloader_idx)

    monkeypatch.setattr(Imitation, "test_step", step)
    handler = signal.getsignal(signal.SIGINT)
    words = ["--data.init_args.test_references", f"[{tours}, {second(tours, tmp_path)}]"]
    words += ["--data.init_args.reference_batch", "4"]
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as stop:
            main(["test", "--config", str(config), "--ckpt_path", str(path), *words])
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored
    rows = ROW.findall(capsys.readouterr().out)
    assert [(row[0], row[5], row[7].strip()) for row in rows] == [
        ("tours", "12", ""),
        ("others", "4", "interrupted"),
    ]
    assert stop.value.code == 130


def test_the_standard_error_is_that_of_the_mean() -> None:
    """Of two gaps it is half their distance; one has none."""
    found = mean(torch.tensor([1.0, 3.0]))
    assert (found.percent, found.standard_error, found.instances) == (2, pytest.approx(1), 2)
    assert mean(torch.tensor([1.0])).standard_error is None


def test_a_network_without_weights_is_named(config: Path, capsys: pytest.CaptureFixture) -> None:
    """Its gaps would look like those of a trained one."""
    main(["test", "--config", str(config)])
    assert "the network is untrained" in capsys.readouterr().err
    path = fit(config, "x", "--trainer.max_steps", "1")
    capsys.readouterr()
    main(["test", "--config", str(config), "--ckpt_path", str(path)])
    assert "untrained" not in capsys.readouterr().err
