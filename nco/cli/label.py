"""`nco label`: instances with solutions, to learn from."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import allow, command, count, mapping, seconds, size
from nco.core.errors import NCOError

EXAMPLE = (
    "  nco label --problem tsp --size 20 --instances 1000 --solver fast_tsp --output labels/tsp"
)


def add(commands: Any) -> None:
    """Adds the sub-command to the parser."""
    text = "Make a labelled set: instances with solutions."
    parser = command(commands, "label", run, text, EXAMPLE)
    parser.add_argument("--problem")
    parser.add_argument("--size", type=size, metavar="N|LOW-HIGH")
    parser.add_argument(
        "--problem_args",
        type=mapping,
        metavar="YAML",
        help="further init_args of the problem, as in a config: '{capacity: [25, 300]}'",
    )
    parser.add_argument("--instances", type=count)
    parser.add_argument(
        "--solver", required=True, help="a solver of the problem's classical.py, or model:NAME"
    )
    parser.add_argument("--time_limit", type=seconds, metavar="S", help="for each instance")
    parser.add_argument(
        "--rollouts", type=count, help="of a model's search, instead of a time limit"
    )
    parser.add_argument(
        "--iterations",
        type=count,
        help="of a solver that can count them, instead of a time limit: the same labels everywhere",
    )
    parser.add_argument("--improve", metavar="DIR", help="the set that a model goes on from")
    parser.add_argument(
        "--after",
        metavar="NAME",
        help="a model that makes the first decisions; the solver goes on from states it comes to",
    )
    parser.add_argument(
        "--moments", type=count, metavar="K", help="such states of each instance; 8"
    )
    parser.add_argument("--workers", type=count, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--chunk", type=count, default=200, metavar="N", help="instances of one file"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="with --cluster also an address, such as s3://bucket/labels",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="have the nodes of a Ray cluster make it: HOST:PORT of its head, auto, or local",
    )


def run(options: argparse.Namespace) -> int:
    """Makes the set, or goes on with it; the exit status."""
    from tqdm import tqdm

    from nco.labels import make
    from nco.labels.recipe import Recipe

    _allow(options.problem_args)
    recipe = Recipe(
        options.output,
        options.solver,
        problem=options.problem,
        size=options.size,
        instances=options.instances,
        problem_args=options.problem_args,
        time_limit=options.time_limit,
        rollouts=options.rollouts,
        improve=options.improve,
        after=options.after,
        moments=options.moments,
        seed=options.seed,
        chunk=options.chunk,
        iterations=options.iterations,
    )
    _refuse_output(options.output, options.cluster)
    _refuse_rules(options.problem, options.solver)
    spec = recipe.spec()
    with tqdm(total=spec.instances, unit="label", disable=None) as bar:

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        if options.cluster is not None:
            from nco.cluster import labels

            labels.fill(spec, options.output, options.cluster, progress, recipe.base())
        else:
            make.fill(spec, Path(recipe.folder), options.workers, progress, recipe.base())
    return 0


def _refuse_output(output: str, cluster: str | None) -> None:
    """Raises NCOError where a set cannot be kept there, or Ray is missing."""
    if cluster is not None:
        from nco.cluster.connect import ray

        ray()
    if "://" not in output:
        outputs.folder("--output", output)
    elif cluster is None:
        raise NCOError(f"--output {output}: an address needs --cluster, such as --cluster local")


def _refuse_rules(problem: str | None, solver: str) -> None:
    """Raises NCOError where the solver's answer is a rule, which is no label."""
    from nco import registry

    if problem is None or solver.startswith("model:") or solver == "hindsight":
        return
    if (
        registry.folder(problem).is_online
        and solver in registry.folder(problem).classical.solvers()
    ):
        raise NCOError(
            f"{problem}: {solver} gives a rule, not a plan for each instance; labels of online "
            "problems are by hindsight, or model:NAME"
        )


def _allow(given: Any) -> None:
    """Classes of the user's own modules, which the command names, may be imported."""
    if isinstance(given, list):
        for one in given:
            _allow(one)
    if not isinstance(given, dict):
        return
    _allow(list(given.values()))
    path = str(given.get("class_path", ""))
    if path and not path.startswith("nco."):
        allow([path.rpartition(".")[0] or path])
