"""`nco label`: instances with solutions, to learn from."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli.arguments import command, mapping, seconds, size
from nco.core.errors import NCOError

MOMENTS = 8


def add(commands: Any) -> None:
    parser = command(commands, "label", run, "Make a labelled set: instances with solutions.")
    parser.add_argument("--problem")
    parser.add_argument("--size", type=size, metavar="N|LOW-HIGH")
    parser.add_argument(
        "--problem_args",
        type=mapping,
        metavar="YAML",
        help="further init_args of the problem, as in a config: '{capacity: [25, 300]}'",
    )
    parser.add_argument("--instances", type=int)
    parser.add_argument(
        "--solver", required=True, help="a solver of the problem's classical.py, or model:NAME"
    )
    parser.add_argument("--time_limit", type=seconds, metavar="S", help="for each instance")
    parser.add_argument("--rollouts", type=int, help="of a model's search, instead of a time limit")
    parser.add_argument("--improve", metavar="DIR", help="the set that a model goes on from")
    parser.add_argument(
        "--after",
        metavar="NAME",
        help="a model that makes the first decisions; the solver goes on from states it comes to",
    )
    parser.add_argument("--moments", type=int, metavar="K", help="such states of each instance; 8")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", required=True, metavar="DIR")


def run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from nco.labels import make

    spec = _label_spec(options)
    with tqdm(total=spec.instances, unit="label", disable=None) as bar:
        make.fill(
            spec,
            Path(options.output),
            options.workers,
            lambda done: bar.update(done - bar.n) and None,
            Path(options.improve) if options.improve else None,
        )
    return 0


def _label_spec(options: argparse.Namespace) -> Any:
    """What to label: what the options say, or the instances of the set to improve."""
    from nco import registry
    from nco.core import atomic
    from nco.core.describe import construct, describe
    from nco.labels import dagger, make, store
    from nco.zoo import cards, weights

    wanted = ("problem", "size", "instances")
    further = options.problem_args
    if options.solver.startswith("model:") and options.time_limit is not None:
        raise NCOError("--time_limit: a model's labels are the same everywhere; use --rollouts")
    if options.moments is not None and (options.after is None or options.moments < 1):
        raise NCOError("--moments: a positive number of states, with --after NAME")
    if options.improve:
        if options.after:
            raise NCOError("--after: from new instances, not with --improve")
        if not options.solver.startswith("model:"):
            raise NCOError(f"--improve: by --solver model:NAME, not {options.solver}")
        refused = (*wanted, "problem_args")
        given = [f"--{name}" for name in refused if getattr(options, name) is not None]
        if given:
            raise NCOError(
                f"{given[0]}: the instances are those of {options.improve}; leave it out"
            )
        return make.improving(Path(options.improve), options.solver, options.rollouts)
    missing = [f"--{name}" for name in wanted if getattr(options, name) is None]
    if missing:
        raise NCOError(f"{missing[0]} is missing: nco label --problem P --size N --instances K ...")
    made, after, moments = registry.folder(options.problem).problem_class, None, None
    if options.after:
        leader = weights.load(options.after).problem
        if registry.folder_of(leader) != registry.folder(options.problem):
            kind = type(leader).__name__
            raise NCOError(f"--after {options.after}: a model of {kind}, not of {options.problem}")
        dagger.check(leader, options.solver.startswith("model:"))
        made = type(leader)  # in whose encoding it decides
        after = (options.after, atomic.sha256(cards.locate(options.after).read_bytes()))
        moments = options.moments or MOMENTS
    try:
        problem = made(size=options.size, **construct(further or {}))
    except (TypeError, ValueError) as error:
        raise NCOError(f"--problem_args {further}: {error}") from error
    return store.LabelSpec(
        describe(problem),
        options.solver,
        options.time_limit,
        options.instances,
        options.seed,
        rollouts=options.rollouts,
        after=after,
        moments=moments,
    )
