"""``nco sweep``: Ray Tune over the keys of a training's configuration.

Every trial is an ``nco fit`` in a process of its own with one core, its own folder, and the same
budget of processor seconds. Trials are compared at each validation, and the worse ones are stopped
early (ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020) or go
on from better ones with other values (population-based training: Jaderberg et al., 2017; with
tournaments: Franke et al., "Sample-Efficient Automated Deep Reinforcement Learning", 2021).
"""

import csv
import functools
import io
import json
import math
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from nco.cluster.connect import connected
from nco.core import atomic
from nco.core.errors import NCOError
from nco.training import curve, folder
from nco.training.method import Method

SPACES = ("uniform", "loguniform", "quniform", "qloguniform", "randint", "lograndint", "choice")
SPENT = "cpu_seconds"
SCORE = "score"
POPULATIONS = ("pbt", "searl")  # schedulers whose trials go on from one another
SCHEDULERS = ("asha", *POPULATIONS, "none")
REPORTS = 10  # validations of a trial at least, by its share of the budget


@dataclass(frozen=True)
class Sweep:
    """What is asked for.

    Attributes:
        words: of ``nco fit``, the same for every trial.
        space: configuration key to a distribution, such as ``loguniform(1e-4, 3e-3)``.
        output: the folder of the sweep.
        address: of the cluster.
        trials: how many.
        seconds: processor seconds of a trial that is not stopped early.
        metric: of the validation, to be minimised, such as ``val/tsp50/gap``; None: the first gap.
        scheduler: one of `SCHEDULERS`.
        cores: trials at a time on a local cluster; None: all cores.
        seed: of the values that are drawn.
    """

    words: tuple[str, ...]
    space: Mapping[str, str]
    output: str
    address: str = "local"
    trials: int = 8
    seconds: float = 600.0
    metric: str | None = None
    scheduler: str = "asha"
    cores: int | None = None
    seed: int = 0


def run(sweep: Sweep) -> list[dict[str, Any]]:
    """Runs all trials, or goes on with them; a row for each, the best one first.

    Writes ``trials.csv``, ``trials.png`` and the model folder ``best`` to the sweep's folder.

    Raises:
        NCOError: where Ray is missing, a distribution is none, or no trial got a figure.
    """
    output = Path(os.path.abspath(sweep.output))
    _claim(output, sweep)
    with connected(sweep.address, sweep.cores) as ray:
        from ray import tune

        space = {key: distribution(key, text) for key, text in sweep.space.items()}
        work = tune.with_resources(
            tune.with_parameters(_trial, sweep=sweep, output=str(output), here=os.getcwd()),
            {"cpu": 1},
        )
        store = output / "tune"
        if tune.Tuner.can_restore(str(store)):
            tuner = tune.Tuner.restore(
                str(store), trainable=work, resume_unfinished=True, restart_errored=True
            )
        else:
            tuner = tune.Tuner(
                work,
                param_space=space,
                tune_config=_tune_config(tune, sweep, space),
                run_config=_run_config(tune, sweep, output),
            )
        ray.logger.setLevel("ERROR")
        with warnings.catch_warnings():  # a trial reads its whole configuration when it begins
            warnings.filterwarnings("ignore", "Consider boosting PBT performance", UserWarning)
            tuner.fit()
    return _results(output, sweep)


def distribution(key: str, text: str) -> Any:
    """Ray Tune's distribution of a text such as ``loguniform(1e-4, 3e-3)``, which is not run.

    Raises:
        NCOError: where it is none.
    """
    from ray import tune

    match = re.fullmatch(r"\s*(\w+)\((.*)\)\s*", text)
    name = match.group(1) if match else ""
    if match is None or name not in SPACES:
        raise NCOError(f"--tune.{key} {text}: one of {', '.join(SPACES)}, with numbers in brackets")
    try:
        values = json.loads(f"[{match.group(2)}]")
    except ValueError:
        raise NCOError(f"--tune.{key} {text}: between the brackets are no JSON values") from None
    try:
        made = getattr(tune, name)(values) if name == "choice" else getattr(tune, name)(*values)
        made.sample()
        return made
    except (TypeError, ValueError) as error:
        raise NCOError(f"--tune.{key} {text}: {error}") from error


def _claim(output: Path, sweep: Sweep) -> None:
    """Makes the folder, or recognises the sweep that is there."""
    output.mkdir(parents=True, exist_ok=True)
    about = json.loads(json.dumps(asdict(sweep)))
    path = output / "sweep.json"
    if path.exists():
        present = json.loads(path.read_text())
        for key in ("words", "space", "trials", "seconds", "metric", "scheduler", "seed"):
            if present.get(key) != about[key]:
                values = f"{present.get(key)!r}, not {about[key]!r}"
                raise NCOError(
                    f"{path}: is another sweep ({key} {values}); choose another --output"
                )
        return
    atomic.write_text(path, json.dumps(about, indent=1) + "\n")


def _tune_config(tune: Any, sweep: Sweep, space: Mapping[str, Any]) -> Any:
    from ray.tune.search.basic_variant import BasicVariantGenerator

    return tune.TuneConfig(
        metric=SCORE,
        mode="min",
        num_samples=sweep.trials,
        scheduler=_scheduler(sweep, space),
        search_alg=BasicVariantGenerator(random_state=sweep.seed),
        # a trial that goes on from another one begins in a process that has loaded everything
        reuse_actors=sweep.scheduler in POPULATIONS,
        trial_dirname_creator=lambda trial: f"trial{_number(trial):03d}",
        trial_name_creator=lambda trial: f"trial{_number(trial):03d}",
    )


def _number(trial: Any) -> int:
    return int(trial.trial_id.rpartition("_")[2])


def _scheduler(sweep: Sweep, space: Mapping[str, Any]) -> Any:
    from ray.tune import schedulers

    if sweep.scheduler == "none":
        return schedulers.FIFOScheduler()
    if sweep.scheduler == "asha":
        return schedulers.ASHAScheduler(
            time_attr=SPENT,
            max_t=max(1, int(sweep.seconds)),
            grace_period=max(1, int(sweep.seconds / 9)),
            reduction_factor=3,
        )
    from nco.cluster import population

    options: dict[str, Any] = {
        "time_attr": SPENT,
        "perturbation_interval": sweep.seconds / REPORTS,
    }
    if sweep.scheduler == "pbt":
        change = functools.partial(population.every_key, space)
        return schedulers.PopulationBasedTraining(custom_explore_fn=change, **options)
    if sweep.scheduler == "searl":
        change = functools.partial(population.one_key, space)
        return population.Tournament(custom_explore_fn=change, **options)
    raise NCOError(f"--scheduler {sweep.scheduler}: one of {', '.join(SCHEDULERS)}")


def _run_config(tune: Any, sweep: Sweep, output: Path) -> Any:
    return tune.RunConfig(
        name="tune",
        storage_path=str(output),
        stop={SPENT: sweep.seconds},
        failure_config=tune.FailureConfig(max_failures=2),
        # others go on from them in a population, perhaps later
        checkpoint_config=tune.CheckpointConfig(
            num_to_keep=4 if sweep.scheduler in POPULATIONS else 2
        ),
        verbose=0,
    )


# ---- a trial, in a process of its own


def _trial(config: dict[str, Any], sweep: Sweep, output: str, here: str) -> None:
    """`nco fit` with the trial's values, from its checkpoint if it has one."""
    from ray import tune

    from nco.training import command

    name = tune.get_context().get_trial_name()
    place = Path(output) / "runs" / name
    place.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(here):
        os.chdir(here)  # as paths of the command say
    torch.set_num_threads(1)
    words = [*sweep.words, "--checkpoint.folder", str(place)]
    for key, value in config.items():
        words += [f"--{key}", json.dumps(value) if not isinstance(value, str) else value]
    checkpoint = tune.get_checkpoint()
    spent = 0.0
    if checkpoint is not None:
        with checkpoint.as_directory() as found:
            shutil.copy(Path(found) / folder.CHECKPOINT, place / folder.CHECKPOINT)
            spent = float(json.loads((Path(found) / "spent.json").read_text()))
        words += ["--ckpt_path", folder.LAST]
    elif folder.checkpoints(place):
        words += ["--overwrite"]

    class Reporting(command.Command):
        """Tells Ray Tune of each validation."""

        def instantiate_trainer(self, **options: Any) -> Trainer:
            trainer: Trainer = super().instantiate_trainer(**options)
            trainer.callbacks.append(Report(sweep, spent, place))  # type: ignore[attr-defined]
            return trainer

    begin = max(1, int(sweep.seconds / REPORTS))
    words += ["--trainer.val_check_interval", _clock(begin)]
    words += ["--trainer.check_val_every_n_epoch", "null"]
    words += ["--trainer.enable_progress_bar", "false"]
    command.main(words, Reporting)


def _clock(seconds: int) -> str:
    """As Lightning writes a span of time."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24:02d}:{hours % 24:02d}:{minutes:02d}:{seconds:02d}"


class Report(Callback):
    """Reports each validation with the processor seconds spent; ends the trial at its budget.

    Args:
        sweep: whose trial it is.
        spent: processor seconds of earlier processes of this trial.
        place: the trial's folder, which always holds the weights of the last report.
    """

    def __init__(self, sweep: Sweep, spent: float, place: Path) -> None:
        self._place = place
        self._sweep, self._before, self._begin = sweep, spent, time.process_time()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The learning rate is the trial's, not that of the checkpoint that it goes on from.

        Raises:
            NCOError: where nothing is validated, as no trial would have a figure, or an end.
        """
        if not sum(trainer.num_val_batches):
            reason = "a sweep compares gaps, and the config names no set to validate on"
            raise NCOError(f"{reason}: give --data.init_args.references '[own]', or others")
        assert isinstance(pl_module, Method)
        for found in trainer.lr_scheduler_configs:
            scheduler: Any = found.scheduler
            if not scheduler.base_lrs[0]:
                continue
            share = pl_module.lr / scheduler.base_lrs[0]
            scheduler.base_lrs = [rate * share for rate in scheduler.base_lrs]
            for group in scheduler.optimizer.param_groups:
                group["lr"] *= share
                group["initial_lr"] *= share

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        from ray import tune

        if trainer.sanity_checking:
            return
        score = _score(trainer.callback_metrics, self._sweep.metric)
        spent = self._before + time.process_time() - self._begin
        trainer.save_checkpoint(self._place / folder.CHECKPOINT, weights_only=False)
        row = {SCORE: score, SPENT: spent, "steps": trainer.global_step}
        with tempfile.TemporaryDirectory(prefix="nco-") as copy:
            shutil.copy(self._place / folder.CHECKPOINT, copy)
            (Path(copy) / "spent.json").write_text(json.dumps(spent))
            tune.report(row, checkpoint=tune.Checkpoint.from_directory(copy))
        if spent >= self._sweep.seconds:
            trainer.should_stop = True


def _score(metrics: Mapping[str, Any], name: str | None) -> float:
    """What is minimised."""
    gaps = [key for key in metrics if key.startswith("val/") and key.endswith("/gap")]
    wanted = name if name is not None else next(iter(gaps), None)
    if wanted is None or wanted not in metrics:
        there = ", ".join(sorted(key for key in metrics if key.startswith("val/"))) or "none"
        raise NCOError(f"--metric {wanted or ''}: not among those of the validation: {there}")
    value = float(metrics[wanted])
    return value if math.isfinite(value) else 1e30


# ---- results


def _results(output: Path, sweep: Sweep) -> list[dict[str, Any]]:
    rows = []
    for path in sorted((output / "tune").glob("*/result.json")):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        if not lines:
            continue
        best = min(lines, key=lambda line: line[SCORE])
        last = lines[-1]
        values = last.get("config", {})
        rows.append(
            {
                "trial": path.parent.name,
                **{key: values.get(key) for key in sweep.space},
                SCORE: best[SCORE],
                "last": last[SCORE],
                "steps": last["steps"],
                SPENT: last[SPENT],
            }
        )
    if not rows:
        raise NCOError(f"{output}: no trial got to its first validation: {_reason(output)}")
    rows.sort(key=lambda row: row["last"])
    _write_table(output / "trials.csv", rows)
    _draw(output, rows)
    _export(output, rows[0]["trial"])
    return rows


def _reason(output: Path) -> str:
    """The last line of what a trial left that failed; where to look, if none did."""
    for path in sorted((output / "tune").glob("*/error.txt")):
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return f"give more --seconds, or see {output}/tune"


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(path, text.getvalue())


def _draw(output: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The curves of all trials."""
    curves = {}
    for row in rows:
        path = output / "runs" / row["trial"] / curve.NAME
        if path.exists():
            curves[str(row["trial"])] = curve.Curve.read(path)
    if curves:
        atomic.write_bytes(output / "trials.png", curve.draw(curves))


def _export(output: Path, trial: str) -> None:
    """The best trial's weights as a model folder."""
    from nco.zoo import weights

    model = weights.load(output / "runs" / trial)
    weights.save(output / "best", model.problem, model.policy, {"measured": [], "trial": trial})
