"""Mistakes on the command line of training are one line each."""

from pathlib import Path

import pytest
from training_runs import fit

from nco import cli
from nco.core.errors import NCOError

POMO = ("--config", "configs/tsp/pomo.yaml", "--trainer.max_steps", "1")


def run(capsys: pytest.CaptureFixture, *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    return int(stop.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fit", "--config", "nofile.yaml"), "--config nofile.yaml: no such file;"),
        (
            ("fit", "--config", "configs/tsp/pomoo.yaml"),
            "no such file; did you mean configs/tsp/pomo.yaml?",
        ),
        (
            ("fit", *POMO, "--trainer.max_stepps", "3"),
            "--trainer.max_stepps 3; did you mean --trainer.max_steps?",
        ),
        (
            ("fit", *POMO, "--model.init_args.problem.init_args.size", "0"),
            "size must be a number >= 1",
        ),
        (("fit", *POMO, "--model.init_args.training.initial", "am-tps"), "did you mean am-tsp?"),
        (("fit", *POMO, "--trainer.accelerator", "gpu"), "No supported gpu backend found"),
        (
            ("test", *POMO[:2], "--data.init_args.references", "[cvrp50]"),
            "cvrp50: instances of cvrp, but the model is one of TSP",
        ),
        (("test", *POMO[:2], "--data.init_args.references", "[nowhere]"), "no such labelled set"),
        (("fit", *POMO, "--overwrit"), "--overwrit; did you mean --overwrite?"),
        (("fit", *POMO, "--time_limit", "3"), "--time_limit 3; nco fit --help lists the options"),
        (("fit", *POMO, "--model.problem.sise", "9"), "sise: no such option; did you mean size?"),
        (("fit", *POMO, "--model.nothing", "9"), "nothing: no such option; there are problem,"),
        (("test", *POMO[:2], "--ckpt_path", "text.ckpt"), "text.ckpt: not a checkpoint of"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    """The last one, beside what Lightning says of the machine; the exit code is 2."""
    monkeypatch.chdir(tmp_path)
    Path("text.ckpt").write_text("text")
    code, err = run(capsys, *words)
    lines = [line for line in err.splitlines() if "available:" not in line and "Seed" not in line]
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("nco: ")
    assert message in lines[0]


@pytest.mark.parametrize("command", ["fit", "test"])
def test_without_arguments_there_is_an_example(capsys: pytest.CaptureFixture, command: str) -> None:
    """As for the other commands."""
    code, err = run(capsys, command)
    assert code == 2
    assert f"nco {command} --config configs/tsp/pomo.yaml" in err


def test_a_defect_keeps_its_traceback(config: Path) -> None:
    """What no user can put right is not shortened to a line."""
    module = Path("module_of_a_user.py")
    text = "\n\nclass Broken(Imitation):\n    def __init__(self, problem, policy):\n        1 / 0\n"
    module.write_text(module.read_text() + text)
    config.write_text(
        config.read_text().replace("    training: {lr: 1.0e-2, warmup: 3}\n    views: 2\n", "")
    )
    with pytest.raises(ValueError, match="Does not validate") as caught:
        fit(config, "x", "--model", "module_of_a_user.Broken")
    assert not isinstance(caught.value, NCOError)  # which would be printed as one line


def test_predict_still_runs(config: Path) -> None:
    """It takes no `verbose`, unlike test and validate."""
    path = fit(config, "x", "--trainer.max_steps", "1")
    cli.main(["predict", "--config", str(config), "--ckpt_path", str(path)])
