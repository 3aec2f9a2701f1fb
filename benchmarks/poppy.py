"""What populations are worth, and what a step of their training costs.

    python benchmarks/poppy.py table --reference tsp50 --single am-tsp \
        --populations poppy-tsp --best_of_k runs/best.ckpt --latent runs/latent.ckpt
    python benchmarks/poppy.py speed --size 50 --agents 8

`table` gives every way the same number of rollouts on the same instances: K from every start, K the
agents of each population. Gaps in percent to the stored costs, with standard errors; the last
column is the mean difference to K samples of the single policy, instance by instance, with its own
standard error. `speed` compares a step of `nco.models.poppy.Poppy` with one of REINFORCE at the
same batch, starts and encoder; each is run in a process of its own, for its peak memory.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from nco.core.batch import cat
from nco.core.defaults import count_starts, symmetries_of
from nco.core.rollout import greedy, sample
from nco.core.seeds import generator
from nco.labels.store import Labelled, read
from nco.models.nets import AttentionPolicy, LatentPolicy, TransformerEncoder
from nco.models.poppy import Poppy
from nco.models.reinforce import Reinforce
from nco.problems.tsp import TSP
from nco.search.budget import Budget
from nco.search.population import play
from nco.search.task import Task
from nco.training.method import Method
from nco.training.references import SHIPPED
from nco.zoo import weights

Model = weights.Model


def best_of_samples(model: Model, instance: Any, *, count: int, seed: int) -> Tensor:
    """``[B]``: the least cost of `count` random rollouts of the first agent from every start."""
    costs = [
        _played(model, instance, [0], sample(generator(seed, "samples", turn)))
        for turn in range(count)
    ]
    return torch.stack(costs).amin(0)


def best_of_images(model: Model, instance: Any, *, count: int, seed: int) -> Tensor:
    """Greedily from every start in `count` symmetric images; samples where there are fewer."""
    images = symmetries_of(model.problem, instance)[:count]
    costs = _played(model, cat(images), [0], greedy)
    best = costs.unflatten(0, (len(images), -1)).amin(0)
    if count > len(images):
        best = torch.minimum(
            best, best_of_samples(model, instance, count=count - len(images), seed=seed)
        )
    return best


def best_of_agents(model: Model, instance: Any) -> Tensor:
    return torch.stack(
        [_played(model, instance, [agent], greedy) for agent in range(model.policy.agents)]
    ).amin(0)


def _played(model: Model, instance: Any, agents: list[int], select: Any) -> Tensor:
    problem, policy = model.problem, model.policy
    starts = count_starts(problem, instance)
    found = play(Task(problem, policy, instance), agents, starts, Budget(), select)
    assert found is not None  # there is no deadline
    return found.cost.amin(1)


def table(options: argparse.Namespace) -> list[dict[str, Any]]:
    single = weights.load(options.single)
    best = weights.load(options.best_of_k) if options.best_of_k else None
    folder = SHIPPED / "references" / options.reference
    parts = [
        part[: options.instances] if options.instances else part
        for part in read(folder if folder.exists() else options.reference, single.problem)
    ]
    populations = [weights.load(name) for name in options.populations]
    rows = []
    for count in sorted({model.policy.agents for model in populations}):
        chosen = [model for model in populations if model.policy.agents == count]
        baseline = None
        for name, way in _ways(single, best, chosen, count):
            begin = time.perf_counter()
            with torch.inference_mode():
                gaps = torch.cat([_gap(way(part.instance), part) for part in parts])
            baseline = gaps if baseline is None else baseline
            row = {
                "rollouts": f"{count} x starts",
                "way": name,
                "gap_percent": round(float(gaps.mean()), 4),
                "standard_error": _error(gaps),
                "less_samples": round(float((gaps - baseline).mean()), 4),
                "its_error": _error(gaps - baseline),
                "instances": len(gaps),
                "seconds_per_instance": round((time.perf_counter() - begin) / len(gaps), 3),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def _ways(
    single: Model, best: Model | None, populations: list[Model], count: int
) -> Iterator[tuple[str, Callable[[Any], Tensor]]]:
    """Ways to spend `count` rollouts from every start; samples of the single policy first."""
    yield "single, samples", partial(best_of_samples, single, count=count, seed=0)
    yield "single, greedy in images", partial(best_of_images, single, count=count, seed=0)
    if best is not None:
        yield "best-of-K-trained, samples", partial(best_of_samples, best, count=count, seed=0)
        yield "best-of-K-trained, images", partial(best_of_images, best, count=count, seed=0)
    for model in populations:
        yield f"{type(model.policy).__name__} {model.name}", partial(best_of_agents, model)


def _gap(cost: Tensor, part: Labelled) -> Tensor:
    reference = part.cost.amin(1)
    return 100 * (cost.double() - reference) / reference.abs()


def _error(values: Tensor) -> float:
    return round(float(values.std() / len(values) ** 0.5), 4)


def _steps(method: Method, batch: int, steps: int) -> dict[str, float]:
    """Median processor seconds of a step, and the process's peak memory."""
    method.log = lambda *given, **named: None  # type: ignore[method-assign]
    optimizer = torch.optim.AdamW(method.policy.parameters(), lr=1e-4)
    seconds = []
    for step in range(steps + 1):
        instance = method.problem.generate(batch, generator("speed", step))
        begin = time.process_time()
        optimizer.zero_grad()
        method.loss(instance, generator("step", step)).backward()
        optimizer.step()
        seconds.append(time.process_time() - begin)
    return {
        "seconds": round(statistics.median(seconds[1:]), 3),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def _measured(way: str, options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    problem, starts = TSP(options.size), options.starts
    encoder = TransformerEncoder(width=128, heads=8, layers=6, hidden=512, bf16=True)
    method: Method
    if way == "single":
        method = Reinforce(problem, AttentionPolicy(encoder), rollouts=starts)
        method.policy.encoder.requires_grad_(not options.freeze_encoder)  # type: ignore[union-attr]
    else:
        kind = LatentPolicy if way == "latent" else AttentionPolicy
        policy = kind(encoder, agents=options.agents)
        method = Poppy(problem, policy, starts=starts, freeze_encoder=options.freeze_encoder)
    return {"way": way, **_steps(method, options.batch, options.steps)}


def speed(options: argparse.Namespace) -> None:
    context = multiprocessing.get_context("spawn")
    first = 1.0
    for way in ("single", "population", "latent"):
        with context.Pool(1) as pool:
            row = pool.apply(_measured, (way, options))
        first = row["seconds"] if way == "single" else first
        row["ratio"] = round(row["seconds"] / first, 2)
        print(json.dumps({**row, **{key: getattr(options, key) for key in SETTINGS}}), flush=True)


SETTINGS = ("size", "batch", "starts", "agents", "freeze_encoder", "threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    part = commands.add_parser("table")
    part.set_defaults(handler=table)
    part.add_argument("--reference", required=True)
    part.add_argument("--single", required=True)
    part.add_argument("--populations", nargs="+", required=True)
    part.add_argument("--best_of_k")
    part.add_argument("--instances", type=int, help="the first of each chunk only")
    part = commands.add_parser("speed")
    part.set_defaults(handler=speed)
    part.add_argument("--size", type=int, default=50)
    part.add_argument("--batch", type=int, default=16)
    part.add_argument("--starts", type=int, default=50)
    part.add_argument("--agents", type=int, default=8)
    part.add_argument("--steps", type=int, default=7)
    part.add_argument("--threads", type=int, default=1)
    part.add_argument("--freeze_encoder", action="store_true")
    options = parser.parse_args()
    options.handler(options)


if __name__ == "__main__":
    main()
