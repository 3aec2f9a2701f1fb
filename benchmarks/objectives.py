"""Which objective? Policy gradients compared at equal compute.

    python benchmarks/objectives.py run --problem tsp20 --seeds 3 --updates 100
    python benchmarks/objectives.py repeat --problem tsp20 --arms control,po --updates 100
    python benchmarks/objectives_page.py        # writes the page of the documents

`run` trains every arm with every seed and appends what it measured to `objectives.csv`; what is
there already is not run again, so a round that was interrupted goes on, seed by seed. Every arm has
the same network, the same initial weights of a seed, the same pool of instances, 512 rollouts a
collection (of shops 128) and one rate, and the same compute: the CPU time, on one thread, that so
many updates of the control take. How long one of them takes is measured before each run, so that
runs on different machines, and on a machine that others use, can stand in one table. Reference
rollouts, searches, screening and scoring count; measuring does not. `repeat` runs arms again with
the numbers of updates in the file and compares every figure bit for bit.

Start it on one core: ``nice -n 10 taskset -c 0 python benchmarks/objectives.py run``.
"""

import argparse
import csv
import io
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nco.core import atomic
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.labels.store import by_size, read
from nco.models.nets import AttentionPolicy, DisjunctivePolicy, TransformerEncoder
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.advantages import Best, Standardised
from nco.models.policy_gradient.chosen import Thinned
from nco.models.policy_gradient.curvature import NaturalGradient
from nco.models.policy_gradient.experts import Guided, Improved, compiled, searched
from nco.models.policy_gradient.kept import Replay, Stale
from nco.models.policy_gradient.reference import Reference
from nco.models.policy_gradient.remembered import SoftMinimum
from nco.models.policy_gradient.sources import Fresh
from nco.models.policy_gradient.steps import Reposition
from nco.models.policy_gradient.surrogates import (
    Clipped,
    Drift,
    Matching,
    Pairwise,
    Penalised,
    Quadratic,
    Regression,
    Truncated,
)
from nco.models.policy_gradient.trees import Distinct
from nco.problems.cvrp import CVRP
from nco.problems.jssp import JSSP
from nco.problems.tsp import TSP
from nco.training.advantages import Winner
from nco.training.method import Training
from nco.training.references import folder_of

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "objectives.csv"
CONTROL = "control"
RATE, WARMUP, CLIP = 1e-3, 10, 1.0  # of all arms
INSTANCES, ROLLOUTS, POOL = 64, 8, 4096
FEWER_INSTANCES = 16  # of shops, whose graph is looked at anew before each decision
SAMPLES = 16  # of the second measure
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the budget at which is measured
WARM, TIMED = 3, 7  # updates of the control before a run: not timed, and timed
COLUMNS = (
    "problem",
    "arm",
    "seed",
    "budget",
    "unit",
    "seconds",
    "updates",
    "rollouts",
    "gap",
    "gap_of_16",
    "entropy",
    "kl",
    "tied",
    "gradient",
    "error",
)


# ---- arms


def fresh() -> Fresh:
    return Fresh(ROLLOUTS, pool=POOL)


def _clipped(**more: Any) -> dict[str, Any]:
    return {"advantage": Standardised(), "surrogate": Clipped(), "epochs": 4, **more}


ARMS: dict[str, Callable[[], dict[str, Any]]] = {
    CONTROL: dict,
    "po": lambda: {"surrogate": Pairwise()},
    "clipped": _clipped,
    "po+search": lambda: {"surrogate": Pairwise(), "source": Improved(fresh())},
    "truncated+stale": lambda: {
        "advantage": Standardised("batch"),
        "surrogate": Truncated(),
        "source": Stale(fresh()),
    },
    "rebel": lambda: {
        "advantage": Standardised("batch"),
        "surrogate": Regression(),
        "epochs": 4,
    },
    "winner": lambda: {"advantage": Winner()},
    "quadratic": lambda: _clipped(surrogate=Quadratic()),
    "po+replay": lambda: {"surrogate": Pairwise(weighted=True), "source": Replay(fresh())},
    "natural": lambda: {"step": NaturalGradient(), "advantage": Standardised()},
    "clipped+reposition": lambda: _clipped(step=Reposition(), epochs=1),
    "drift": lambda: _clipped(surrogate=Drift()),
    "clipped+guided": lambda: _clipped(source=Guided(fresh())),
    "distinct+best": lambda: {"advantage": Best(), "source": Distinct(ROLLOUTS)},
    "clipped+thinned": lambda: _clipped(source=Thinned(fresh())),
    "exo": lambda: {
        "advantage": Standardised("batch"),
        "surrogate": Matching(),
        "reference": Reference(50),
    },
    "penalised": lambda: _clipped(surrogate=Penalised()),
    "a-star": lambda: {
        "advantage": SoftMinimum(refresh=50),
        "surrogate": Regression(0.01, "value"),
        "reference": Reference(50),
    },
}


class Counted(PolicyGradient):
    """A method without a trainer: it counts its own steps and keeps what it logs."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.__dict__["at"], self.__dict__["logged"] = 0, {}
        super().__init__(*given, **named)

    @property
    def global_step(self) -> int:  # type: ignore[override]
        return int(self.__dict__["at"])

    def log(self, name: str, value: Any, **options: Any) -> None:  # type: ignore[override]
        self.__dict__["logged"][name] = float(value)


# ---- settings


@dataclass(frozen=True)
class Setting:
    """A problem with its network and its held-out instances.

    Attributes:
        instances: of a collection.
    """

    problem: Any
    policy: Callable[[], Any]
    held_out: Callable[[Any], tuple[Any, Tensor]]
    instances: int = INSTANCES


def attention() -> AttentionPolicy:
    encoder = TransformerEncoder(width=64, heads=4, layers=2, hidden=128)
    return AttentionPolicy(encoder, heads=4)


def dispatching() -> DisjunctivePolicy:
    """Of the next operation of each job."""
    return DisjunctivePolicy(width=32, layers=2, lookahead=1)


def shipped(name: str) -> Callable[[Any], tuple[Any, Tensor]]:
    """A reference set of the package."""

    def held_out(problem: Any) -> tuple[Any, Tensor]:
        (labels,) = by_size(read(folder_of(name), problem), problem)
        return labels.instance, labels.cost.amin(1)

    return held_out


def own(problem: Any) -> tuple[Any, Tensor]:
    """200 instances, solved by the compiled search with 2,000 of its iterations."""
    instance = problem.generate(200, generator("objectives", "held out"))
    actions = searched(problem, compiled(problem), instance, 2000, 0)
    return instance, problem.cost(instance, actions[:, None])[:, 0]


SETTINGS = {
    "tsp20": Setting(TSP(20), attention, own),
    "tsp50": Setting(TSP(50), attention, shipped("tsp50")),
    "cvrp50": Setting(CVRP(50), attention, shipped("cvrp50")),
    "jssp6": Setting(JSSP(6), dispatching, shipped("jssp6"), FEWER_INSTANCES),
}


@torch.no_grad()
def measured(setting: Setting, policy: Any, instance: Any, best: Tensor) -> dict[str, float]:
    """Mean gaps in percent: greedy from one start, and the best of 16 samples."""
    problem = setting.problem
    single = rollout(problem, policy, instance, 1, greedy, logp=False).cost[:, 0]
    random = sample(generator("objectives", "samples"))
    many = rollout(problem, policy, instance, SAMPLES, random, logp=False).cost.amin(1)
    return {
        "gap": float(100 * (single / best - 1).mean()),
        "gap_of_16": float(100 * (many / best - 1).mean()),
    }


# ---- one run


@dataclass
class Run:
    """A run of one arm with one seed.

    Attributes:
        budget: updates of the control whose time it has.
        unit: seconds of CPU time that one of these takes; not used with `stops`.
        stops: numbers of updates at which is measured, instead of times: to repeat a run.
    """

    problem: str
    arm: str
    seed: int
    budget: int
    unit: float = math.nan
    stops: Sequence[int] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)

    def method(self) -> Counted:
        parts = ARMS[self.arm]()
        parts.setdefault("source", fresh())
        setting = SETTINGS[self.problem]
        training = Training(lr=RATE, warmup=WARMUP, seed=self.seed)
        return Counted(setting.problem, setting.policy(), training=training, **parts)

    def __call__(self, instance: Any, best: Tensor) -> list[dict[str, Any]]:
        setting, method = SETTINGS[self.problem], self.method()
        self._measure(setting, method, instance, best, 0.0)
        optimizer, schedule = optimizer_of(method)
        spent, norm, error = 0.0, 0.0, ""
        stops = iter(self.stops or [share * self.budget * self.unit for share in SHARES])
        stop = next(stops)
        while True:
            begin = time.process_time()
            try:
                norm = self._update(method, optimizer, schedule)
            except (FloatingPointError, ValueError) as wrong:
                error = str(wrong).splitlines()[0]
            spent += time.process_time() - begin
            if error or (method.at if self.stops else spent) >= stop:
                self._measure(setting, method, instance, best, spent, norm, error)
                following = next(stops, None)
                if error or following is None:
                    return self.rows
                stop = following

    def _update(self, method: Counted, optimizer: Any, schedule: Any) -> float:
        """One step of the optimiser; the norm of its gradient."""
        at = method.at
        # only as many as there are: the pool takes their place
        instances = SETTINGS[self.problem].instances
        batch = method.problem.generate(instances, generator(self.seed, "batch", at))
        norm = 0.0

        def closure() -> Tensor:
            nonlocal norm
            optimizer.zero_grad()
            loss = method.training_step(batch, at)
            assert loss is not None
            loss.backward()
            norm = float(torch.nn.utils.clip_grad_norm_(method.policy.parameters(), CLIP))
            return loss

        optimizer.step(closure)
        schedule.step()
        method.__dict__["at"] = at + 1
        return norm

    def _measure(
        self,
        setting: Setting,
        method: Counted,
        instance: Any,
        best: Tensor,
        seconds: float,
        norm: float = 0.0,
        error: str = "",
    ) -> None:
        if error:  # a run that diverged stays, at the gap that it began with
            gaps = {name: self.rows[0][name] for name in ("gap", "gap_of_16")}
        else:
            gaps = measured(setting, method.policy, instance, best)
        logged = method.logged
        collections = math.ceil(method.at / method.epochs)
        self.rows.append(
            {
                "problem": self.problem,
                "arm": self.arm,
                "seed": self.seed,
                "budget": self.budget,
                "unit": f"{self.unit:.4f}",
                "seconds": f"{seconds:.2f}",
                "updates": method.at,
                "rollouts": collections * setting.instances * ROLLOUTS,
                **gaps,
                "entropy": logged.get("train/entropy", ""),
                "kl": logged.get("train/kl", ""),
                "tied": logged.get("train/tied", ""),
                "gradient": norm,
                "error": error,
            }
        )


def optimizer_of(method: Counted) -> tuple[Any, Any]:
    """A method's optimiser and the schedule of its rate."""
    found: Any = method.configure_optimizers()
    return found["optimizer"], found["lr_scheduler"]["scheduler"]


def unit_of(problem: str) -> float:
    """Seconds of CPU time that an update of the control takes here and now: the median of some."""
    one = Run(problem, CONTROL, seed=0, budget=0)
    method = one.method()
    optimizer, schedule = optimizer_of(method)
    seconds = []
    for _ in range(WARM + TIMED):
        begin = time.process_time()
        one._update(method, optimizer, schedule)
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds[WARM:])


# ---- the file


def lines() -> list[dict[str, str]]:
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))


def write(rows: Sequence[dict[str, Any]]) -> None:
    kept = io.StringIO()
    writer = csv.DictWriter(kept, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(RESULTS, kept.getvalue())


def key(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return str(row["problem"]), str(row["arm"]), str(row["seed"]), str(row["budget"])


def arms_of(options: argparse.Namespace) -> list[str]:
    chosen = options.arms.split(",") if options.arms else list(ARMS)
    if unknown := set(chosen) - set(ARMS):
        raise SystemExit(f"no arm {unknown.pop()}; there are {', '.join(ARMS)}")
    return chosen


def run(options: argparse.Namespace) -> None:
    """What is missing, seed by seed, so that all arms always have about equally many."""
    instance, best = SETTINGS[options.problem].held_out(SETTINGS[options.problem].problem)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for arm in arms_of(options):
            wanted = (options.problem, arm, str(seed), str(options.updates))
            if any(key(row) == wanted for row in lines()):
                continue
            unit = unit_of(options.problem)
            rows = Run(options.problem, arm, seed, options.updates, unit)(instance, best)
            write([*lines(), *rows])  # whole runs only
            last = rows[-1]
            print(
                f"{arm:20} seed {seed} {last['updates']:5} updates, gap {last['gap']:.2f} %,"
                f" of 16 {last['gap_of_16']:.2f} % {last['error']}",
                flush=True,
            )


def repeat(options: argparse.Namespace) -> None:
    """Runs arms again with the numbers of updates in the file; every figure must be the same."""
    instance, best = SETTINGS[options.problem].held_out(SETTINGS[options.problem].problem)
    same = ("updates", "gap", "gap_of_16", "entropy", "kl", "tied", "gradient", "error")
    for arm in arms_of(options):
        wanted = (options.problem, arm, str(options.first_seed), str(options.updates))
        old = [row for row in lines() if key(row) == wanted]
        if not old:
            raise SystemExit(f"{RESULTS}: no run of {arm} with seed {options.first_seed}")
        stops = [int(row["updates"]) for row in old[1:]]
        again = Run(options.problem, arm, options.first_seed, options.updates, stops=stops)
        new = again(instance, best)
        for mine, theirs in zip(new, old, strict=True):
            differing = [name for name in same if str(mine[name]) != theirs[name]]
            if differing:
                raise SystemExit(f"{arm}: {', '.join(differing)} differ at {mine['updates']}")
        print(f"{arm}: {len(old)} measurements are the same, bit for bit")


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, act in (("run", run), ("repeat", repeat)):
        one = commands.add_parser(name)
        one.add_argument("--problem", choices=SETTINGS, default="tsp20")
        one.add_argument("--arms", default="", help="names with commas; all by default")
        one.add_argument("--seeds", type=int, default=3)
        one.add_argument("--first_seed", type=int, default=1)
        one.add_argument("--updates", type=int, default=100, help="of the control: the compute")
        one.set_defaults(act=act)
    options = parser.parse_args()
    if options.updates < 1:
        raise SystemExit(f"--updates must be at least 1, not {options.updates}")
    options.act(options)


if __name__ == "__main__":
    main()
