"""Inventory networks measured: the simulator's speed, policies against exact references, export.

    python benchmarks/inventory.py speed
    python benchmarks/inventory.py table MODEL 'lost_poisson' --traces 2500
    python benchmarks/inventory.py rules 'backlogged'
    python benchmarks/inventory.py export CHECKPOINT models/zoo/NAME --about about.json \
        --settings 'lost_poisson' --traces 2500

A table's reference is exact where there is one (newsvendor, value iteration, Clark & Scarf), for
transshipment a lower bound, else the best rule with fitted levels.
"""

import argparse
import contextlib
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nco import read
from nco.core.errors import InstanceError
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.problems.inventory import Inventory, classical, exact, fit
from nco.problems.inventory.files import Case
from nco.registry import shipped
from nco.solving.simulate import simulate, standard_error
from nco.zoo import weights

EXAMPLES = "example:inventory/"
FIT_SECONDS = 30.0  # for levels of networks without an exact reference


def speed(batch: int = 1024, stores: int = 10, periods: int = 50, rounds: int = 20) -> None:
    """Store-periods a second of the simulation alone, forwards, with given orders."""
    problem = Inventory(size=stores, periods=periods)
    instance = problem.generate(batch, generator(0))
    actions = torch.rand(batch, 1, periods, stores + 1, generator=generator(1))
    actions[..., -1] *= stores
    with torch.inference_mode():
        problem.cost(instance, actions)
        wall, work = time.perf_counter(), time.process_time()
        for _ in range(rounds):
            problem.cost(instance, actions)
        wall, work = time.perf_counter() - wall, time.process_time() - work
    done = batch * stores * periods * rounds / 1e6
    threads = torch.get_num_threads()
    print(f"{batch} x {stores} stores x {periods} periods, {threads} threads:")
    print(f"  {done / wall:.1f} million store-periods a second of wall time")
    print(f"  {done / work:.1f} million store-periods a second of one core's processor time")


@dataclass(frozen=True)
class Reference:
    """The least cost known of a case, where it is from, and a rule whose exact cost is known.

    What a policy costs more than that rule on the same traces is known far more precisely than
    either's cost, and added to the exact one (a control variate).
    """

    cost: float
    origin: str
    rule: dict[str, Any] | None = None
    rule_cost: float = 0.0


def reference(case: Case) -> Reference:
    """Of whichever kind there is for a case, the exact ones first."""
    with contextlib.suppress(InstanceError):
        model = exact.LostSales.of(case)
        cost = model.best_capped()[0]
        rule = classical.capped_base_stock(case, time_limit=None, seed=0)
        return Reference(model.optimum(), "value iteration", rule, cost)
    with contextlib.suppress(InstanceError):
        cost = exact.newsvendor(case)[1]
        rule = classical.newsvendor(case, time_limit=None, seed=0)
        return Reference(cost, "newsvendor", rule, cost)
    with contextlib.suppress(InstanceError):
        cost = exact.clark_scarf(case)[0]
        rule = classical.echelon_stock(case, time_limit=None, seed=0)
        return Reference(cost, "Clark-Scarf", rule, cost)
    with contextlib.suppress(InstanceError):
        return Reference(exact.transshipment_bound(case), "lower bound")
    problem = Inventory()
    rule = classical.echelon_stock(case, time_limit=FIT_SECONDS, seed=0)
    cost = simulate(problem, problem.rule(case, rule), case, traces=300, seed=77).cost
    return Reference(cost, "echelon rule with fitted levels")


def table(model: weights.Model, pattern: str, traces: int, seed: int = 77) -> list[dict[str, Any]]:
    """A row for every shipped setting whose name matches."""
    rows = []
    for name in shipped.examples():
        if not name.startswith(EXAMPLES) or not re.search(pattern, name):
            continue
        case = read(name)
        assert isinstance(case, Case)
        known = reference(case)
        found = simulate(model.problem, model.policy, case, traces=traces, seed=seed)
        assert not found.violations, found.violations
        cost, error = found.cost, found.cost_standard_error
        if known.rule is not None:
            problem = Inventory()
            rule = problem.rule(case, known.rule)
            other = simulate(problem, rule, case, traces=traces, seed=seed)
            more = found.costs - other.costs
            cost, error = known.rule_cost + float(more.mean()), standard_error(more)
        gap, error = cost / known.cost - 1, error / known.cost
        rows.append(
            {
                "set": case.name,
                "size": case.size,
                "instances": traces,
                "seed": seed,
                "reference": known.origin,
                "search": "policy",
                "cost_per_store": round(cost / case.size, 4),
                "reference_per_store": round(known.cost / case.size, 4),
                "gap_percent": round(100 * gap, 3),
                "standard_error": round(100 * error, 3),
                "seconds_per_instance": round(found.seconds / traces, 6),
                "threads": torch.get_num_threads(),
            }
        )
        row = rows[-1]
        print(
            f"{case.name:32} {row['cost_per_store']:9.4f}  {known.origin} "
            f"{row['reference_per_store']:.4f}  gap {100 * gap:.2f} ±{100 * error:.2f} %",
            flush=True,
        )
    return rows


def rules(pattern: str, steps: int) -> None:
    """Rules whose levels the pathwise gradient has found, against the best rule of their kind.

    What they cost is exact (a newsvendor's cost function, value iteration of the rounded rule) but
    for echelon levels, which are simulated beside the optimal ones.
    """
    for name in shipped.examples():
        if not name.startswith(EXAMPLES) or not re.search(pattern, name):
            continue
        case = read(name)
        assert isinstance(case, Case)
        begin = time.process_time()
        lost, serial = bool(case.lost.any()), len(case.nodes) > 1
        rule = fit.fitted(case, seed=0, kind=fit.Kind(serial, lost), steps=steps)
        seconds = time.process_time() - begin
        cost, best, error = _rule_cost(case, rule)
        print(
            f"{case.name:24} {cost:8.4f}  best of its kind {best:.4f}  gap "
            f"{100 * (cost / best - 1):.2f} ±{100 * error / best:.2f} %  {seconds:.0f} s  "
            f"{case.words(rule)}",
            flush=True,
        )


def _rule_cost(case: Case, rule: Any) -> tuple[float, float, float]:
    """Its cost, the least one of any rule of its kind, and the former's standard error."""
    levels: dict[str, float] = rule["levels"]
    if case.lost.any():
        model = exact.LostSales.of(case)
        level, cap = round(levels[case.nodes[0]]), round(rule["caps"][case.nodes[0]])
        return model.capped(level, cap), model.best_capped()[0], 0.0
    if len(case.nodes) == 1:
        _, best = exact.newsvendor(case)
        return exact.base_stock_cost(case, levels[case.nodes[0]]), best, 0.0
    known = reference(case)
    assert known.rule is not None
    problem = Inventory()
    found, other = (
        simulate(problem, problem.rule(case, each), case, traces=300, seed=77).costs
        for each in (rule, known.rule)
    )
    return known.cost + float((found - other).mean()), known.cost, standard_error(found - other)


def canary(model: weights.Model, instances: int = 4, seed: int = 0) -> dict[str, Any]:
    """The mean cost of a few seeded traces, which a test measures again."""
    instance = model.problem.generate(instances, generator("canary", seed))
    with torch.inference_mode():
        cost = rollout(model.problem, model.policy, instance, 1, greedy, logp=False).cost
    return {"size": None, "instances": instances, "seed": seed, "cost": float(cost.mean())}


def export(checkpoint: str, folder: Path, about: dict[str, Any], pattern: str, traces: int) -> None:
    """A model folder with a card from a training checkpoint, in full precision: it is tiny."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    model = weights.load(checkpoint)
    about = {**about, "commit": commit.stdout.strip(), "steps": model.card["step"]}
    about |= {"measured": [], "canary": canary(model)}
    weights.save(folder, model.problem, model.policy, about, half=False)
    card = weights.read_card(folder / "card.json")
    card["measured"] = table(weights.load(str(folder)), pattern, traces)
    weights.write_card(folder, card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed")
    measured = commands.add_parser("table")
    measured.add_argument("model")
    measured.add_argument("pattern")
    measured.add_argument("--traces", type=int, default=2500)
    learned = commands.add_parser("rules")
    learned.add_argument("pattern")
    learned.add_argument("--steps", type=int, default=fit.STEPS)
    out = commands.add_parser("export")
    out.add_argument("checkpoint")
    out.add_argument("folder", type=Path)
    out.add_argument("--about", type=Path, required=True)
    out.add_argument("--settings", required=True)
    out.add_argument("--traces", type=int, default=2500)
    options = parser.parse_args()
    if options.command == "speed":
        speed()
    elif options.command == "table":
        table(weights.load(options.model), options.pattern, options.traces)
    elif options.command == "rules":
        rules(options.pattern, options.steps)
    else:
        about = json.loads(options.about.read_text())
        export(options.checkpoint, options.folder, about, options.settings, options.traces)


if __name__ == "__main__":
    main()
