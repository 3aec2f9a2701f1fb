"""The `nco` command: a sub-command is one function here; training is Lightning's own command."""

import argparse
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from nco.errors import NCOError
from nco.plan import NETWORKS

TRAINING = ("fit", "validate", "test", "predict")
Handler = Callable[[argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; exits with 2 after a one-line error."""
    given = sys.argv[1:] if arguments is None else arguments
    before = signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C: keep the best so far
    try:
        if given and given[0] in TRAINING:
            from nco.train import main as train

            train(given)
            return
        options = _parser().parse_args(given)
        code = options.handler(options)
    except NCOError as error:
        print(f"nco: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("nco: interrupted before a first solution was found", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # `nco ... | head`
        sys.stderr.close()
        code = 1
    finally:
        signal.signal(signal.SIGTERM, before)
    _leave(code)


def _leave(code: int) -> None:
    """Ends the process; at once, where a thread that loads networks would hold it up."""
    if any(thread.name == NETWORKS for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _truth(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise argparse.ArgumentTypeError(f"true or false, not {text}")


def _seconds(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"positive seconds, not {text}")
    return value


def _size(text: str) -> int | list[int]:
    low, _, high = text.partition("-")
    return [int(low), int(high)] if high else int(low)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nco",
        description="Neural combinatorial optimisation. Training: nco fit|validate|test|predict "
        "--config configs/PROBLEM/METHOD.yaml (see nco fit --help).",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_solve(commands)
    _add_check(commands)
    _add_generate(commands)
    _add_label(commands)
    _add_benchmark(commands)
    _add_tune(commands)
    _add_models(commands)
    _add_examples(commands)
    return parser


def _command(commands: Any, name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(handler=handler)
    return parser


# ---- solve


def _add_solve(commands: Any) -> None:
    parser = _command(commands, "solve", _solve, "Solve instance files with a trained network.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="or example:NAME (nco examples)")
    parser.add_argument("--problem", help="the problem folder, where the file does not tell")
    parser.add_argument("--model", default="auto", help="a shipped model, a folder or a checkpoint")
    parser.add_argument("--time_limit", type=_seconds, metavar="S", help="seconds for each file")
    parser.add_argument(
        "--total_time",
        type=_seconds,
        metavar="S",
        help="seconds for all files together, which share the processors",
    )
    parser.add_argument(
        "--iterations",
        type=int,
        metavar="K",
        help="instead of seconds: rollouts of each search and iterations of the classical solver; "
        "equal seeds give equal answers",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--classical",
        type=_truth,
        default=True,
        metavar="true|false",
        help="let a classical solver improve the network's solution within the time limit",
    )
    parser.add_argument(
        "--bound",
        type=_truth,
        metavar="true|false",
        help="add a certified bound and the gap to it, where the problem has one (default: true; "
        "with --total_time only what solvers prove by the way)",
    )
    parser.add_argument(
        "--traces", type=int, default=1000, metavar="K", help="futures of an online problem"
    )
    parser.add_argument(
        "--hindsight",
        action="store_true",
        help="of an online problem: plan with perfect information, which is a bound and no policy",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line for each file")
    parser.add_argument("--verbose", action="store_true", help="print the plan before it runs")
    parser.add_argument("--plot", metavar="PNG", help="draw the (last) solution")
    parser.add_argument("--save", metavar="F", help="write the (last) solution: .json, .tour, .sol")
    parser.add_argument("--best_known", type=float, metavar="V", help="report the gap to this")


def _solve(options: argparse.Namespace) -> int:
    code = 0
    last = None
    for file, found in _answers(options):
        if isinstance(found, NCOError):
            code = 2
            print(f"nco: {found}", file=sys.stderr)
            if options.json:
                print(json.dumps({"file": file, "error": str(found)}), flush=True)
            continue
        last = found
        _show(file, last, options)
        if last.status == "INTERRUPTED":
            code = 130
            break
    if last is not None:
        _keep(last, options.plot, options.save)
    return code


def _answers(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Each file with its solution, or with what is wrong with it."""
    import nco

    if options.total_time is not None:
        yield from _together(options)
        return
    for file in options.files:
        try:
            yield (
                file,
                nco.solve(
                    file,
                    problem=options.problem,
                    model=options.model,
                    time_limit=options.time_limit,
                    iterations=options.iterations,
                    seed=options.seed,
                    device=options.device,
                    classical=options.classical,
                    bound=options.bound,
                    hindsight=options.hindsight,
                    traces=options.traces,
                    verbose=options.verbose,
                ),
            )
        except NCOError as error:
            yield file, error


def _together(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """The same for files that share their time, in which they are also read."""
    from nco import folders, lazy
    from nco.solver import solve_iter
    from nco.sources import as_case

    begin = lazy.called()
    if options.hindsight or options.bound:
        name = "hindsight" if options.hindsight else "bound"
        raise NCOError(f"--{name} needs a time of its own for each file: use --time_limit")
    cases: list[Any] = []
    for file in options.files:
        try:
            case = as_case(file, options.problem)
            if folders.is_online(case.problem):
                raise NCOError(f"{file}: {case.problem} has no plan to improve: use --time_limit")
            cases.append(case)
        except NCOError as error:
            cases.append(error)
    left = options.total_time - (time.perf_counter() - begin)
    found = solve_iter(
        [case for case in cases if not isinstance(case, NCOError)],
        model=options.model,
        time_limit=options.time_limit,
        iterations=options.iterations,
        seed=options.seed,
        device=options.device,
        classical=options.classical,
        verbose=options.verbose,
        total_time=max(left, 1e-3),  # constructions there are in any case
    )
    for file, case in zip(options.files, cases, strict=True):
        answer = case if isinstance(case, NCOError) else next(found, None)
        if answer is None:  # interrupted
            return
        yield file, answer


def _show(file: str, found: Any, options: argparse.Namespace) -> None:
    for fault in found.faults:
        print(f"nco: {file}: {fault}", file=sys.stderr)
    row = {"file": file, **found.to_dict(), **_gap(found, options.best_known)}
    if options.json:
        row.pop("history")
        print(json.dumps(row), flush=True)
        return
    print(found)
    if "gap_percent" in row:
        print(f"  gap to {options.best_known:g}: {row['gap_percent']:.3f} %")
    print(f"  {found.case.view}: {json.dumps(found.solution)}", flush=True)


def _gap(solution: Any, best_known: float | None) -> dict[str, float]:
    """Positive when worse, whichever way the problem's objective is read."""
    if best_known is None or solution.objective is None or best_known == 0:
        return {}
    sign = -1 if solution.objective != solution.cost else 1
    gap = 100 * sign * (solution.objective - best_known) / abs(best_known)
    return {"best_known": best_known, "gap_percent": gap}


def _keep(solution: Any, plot: str | None, save: str | None) -> None:
    if plot:
        import matplotlib

        from nco import atomic

        matplotlib.use("Agg")
        image = io.BytesIO()
        form = Path(plot).suffix[1:] or "png"
        solution.plot().figure.savefig(image, format=form, dpi=150, bbox_inches="tight")
        try:
            atomic.write_bytes(Path(plot), image.getvalue())
        except OSError as error:
            raise NCOError(f"{plot}: cannot be written ({error.strerror})") from error
    if save:
        solution.save(save)


# ---- check


def _add_check(commands: Any) -> None:
    parser = _command(commands, "check", _check, "Check a solution file against its instance file.")
    parser.add_argument("instance", metavar="INSTANCE")
    parser.add_argument("solution", metavar="SOLUTION", help=".tour, .sol, or JSON")
    parser.add_argument("--problem")
    parser.add_argument("--json", action="store_true")


def _check(options: argparse.Namespace) -> int:
    from nco.sources import as_case, check

    report = check(as_case(options.instance, options.problem), options.solution)
    if options.json:
        print(json.dumps({**report.__dict__, "feasible": report.feasible}))
    else:
        print(f"{'feasible' if report.feasible else 'INFEASIBLE'}, objective {report.objective}")
        for violation in report.violations:
            print(f"  {violation}")
    return 0 if report.feasible else 1


# ---- generate


def _add_generate(commands: Any) -> None:
    parser = _command(commands, "generate", _generate, "Write random instances as files.")
    parser.add_argument("--problem", required=True)
    parser.add_argument("--size", type=_size, required=True, metavar="N|LOW-HIGH")
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", required=True, metavar="DIR")


def _generate(options: argparse.Namespace) -> int:
    from nco import atomic, folders
    from nco.seeds import generator

    kind = folders.problem_class(options.problem)
    files = folders.module(options.problem, "files")
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(options.instances):
        problem = kind(size=options.size)
        instance = problem.generate(1, generator(options.seed, "generate", index))
        case = problem.cases(instance)[0]
        path = folder / f"{options.problem}-{options.seed}-{index}{files.SUFFIX}"
        atomic.write_text(path, files.write(case))
        print(path)
    return 0


# ---- label


def _mapping(text: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"names with values, such as '{{size: 50}}', not {text}")
    return found


def _add_label(commands: Any) -> None:
    parser = _command(commands, "label", _label, "Make a labelled set: instances with solutions.")
    parser.add_argument("--problem")
    parser.add_argument("--size", type=_size, metavar="N|LOW-HIGH")
    parser.add_argument(
        "--problem_args",
        type=_mapping,
        metavar="YAML",
        help="further init_args of the problem, as in a config: '{capacity: [25, 300]}'",
    )
    parser.add_argument("--instances", type=int)
    parser.add_argument(
        "--solver", required=True, help="a solver of the problem's baseline.py, or model:NAME"
    )
    parser.add_argument("--time_limit", type=_seconds, metavar="S", help="for each instance")
    parser.add_argument("--rollouts", type=int, help="of a model's search, instead of a time limit")
    parser.add_argument("--improve", metavar="DIR", help="the set that a model goes on from")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", required=True, metavar="DIR")


def _label(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from nco import labels

    spec = _label_spec(options)
    with tqdm(total=spec.instances, unit="label", disable=None) as bar:
        labels.make(
            spec,
            Path(options.output),
            options.workers,
            lambda done: bar.update(done - bar.n) and None,
            Path(options.improve) if options.improve else None,
        )
    return 0


def _label_spec(options: argparse.Namespace) -> Any:
    """What to label: what the options say, or the instances of the set to improve."""
    from nco import folders, labels
    from nco.describe import construct, describe

    wanted = ("problem", "size", "instances")
    further = options.problem_args
    if options.solver.startswith("model:") and options.time_limit is not None:
        raise NCOError("--time_limit: a model's labels are the same everywhere; use --rollouts")
    if options.improve:
        if not options.solver.startswith("model:"):
            raise NCOError(f"--improve: by --solver model:NAME, not {options.solver}")
        refused = (*wanted, "problem_args")
        given = [f"--{name}" for name in refused if getattr(options, name) is not None]
        if given:
            raise NCOError(
                f"{given[0]}: the instances are those of {options.improve}; leave it out"
            )
        return labels.improving(Path(options.improve), options.solver, options.rollouts)
    missing = [f"--{name}" for name in wanted if getattr(options, name) is None]
    if missing:
        raise NCOError(f"{missing[0]} is missing: nco label --problem P --size N --instances K ...")
    made = folders.problem_class(options.problem)
    try:
        problem = made(size=options.size, **construct(further or {}))
    except (TypeError, ValueError) as error:
        raise NCOError(f"--problem_args {further}: {error}") from error
    return labels.LabelSpec(
        describe(problem),
        options.solver,
        options.time_limit,
        options.instances,
        options.seed,
        rollouts=options.rollouts,
    )


# ---- benchmark


def _limits(text: str) -> list[float | None]:
    try:
        return [None if name == "default" else _seconds(name) for name in _names(text)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"seconds or 'default', not {text}") from error


def _names(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _add_benchmark(commands: Any) -> None:
    parser = _command(
        commands,
        "benchmark",
        _benchmark,
        "Compare solvers at equal time limits, on instances of one --problem and --size or on "
        "--files. Writes report.html, table.csv, curve.csv, runs.csv, plot.png and about.json.",
    )
    parser.add_argument("--problem", help="a problem folder, such as tsp")
    parser.add_argument("--size", type=int, metavar="N")
    parser.add_argument("--instances", type=int, default=10, metavar="K")
    parser.add_argument(
        "--seed",
        type=int,
        default=1234,
        help="1234 (the default) and 4321 are the first K of the published sets",
    )
    parser.add_argument("--files", nargs="+", default=[], metavar="F")
    parser.add_argument(
        "--best_known",
        metavar="CSV",
        help="with columns name and best_known; default: gaps to the best of this comparison",
    )
    parser.add_argument(
        "--solvers",
        type=_names,
        default="nco,ortools",
        help="comma-separated: nco (a network, then a classical solver goes on from its solution), "
        "nco-neural (the network alone), nco:MODEL and nco-neural:MODEL (a shipped model, a folder "
        "or a checkpoint), and the solvers of the problem's baseline.py, such as ortools or pyvrp "
        "(default: nco,ortools)",
    )
    parser.add_argument(
        "--time_limits",
        type=_limits,
        default="1",
        metavar="S,...",
        help="comma-separated seconds for each instance; 'default' leaves it to the solver: one "
        "deterministic pass of the network, the first solution of OR-Tools' routing (default: 1)",
    )
    parser.add_argument("--device", default="auto", help="of the networks")
    parser.add_argument(
        "--cores",
        type=int,
        default=1,
        metavar="K",
        help="of this machine for every solver; single-threaded classical ones run with so many "
        "seeds side by side, and the best counts (default: 1)",
    )
    parser.add_argument(
        "--cold",
        type=int,
        default=1,
        metavar="K",
        help="instances of each problem that are also solved from a cold start, in fresh "
        "processes (default: 1)",
    )
    parser.add_argument("--output", required=True, metavar="DIR")


def _benchmark(options: argparse.Namespace) -> int:
    from nco.benchmark import Plan, main

    plan = Plan(
        solvers=options.solvers,
        time_limits=options.time_limits,
        problem=options.problem,
        size=options.size,
        instances=options.instances,
        seed=options.seed,
        files=options.files,
        best_known=options.best_known,
        device=options.device,
        cores=options.cores,
        cold=options.cold,
    )
    return main(plan, Path(options.output))


# ---- tune


def _add_tune(commands: Any) -> None:
    text = "Measure this machine, so that nco solve divides its time well; a few minutes."
    parser = _command(commands, "tune", _tune, text)
    parser.add_argument("--problems", type=_names, help="comma-separated; default: all")
    parser.add_argument(
        "--sizes",
        type=_numbers,
        metavar="N,...",
        help="default: of each problem the largest that its networks were trained for",
    )
    parser.add_argument("--time_limits", type=_limits, default="0.1,1", metavar="S,...")
    parser.add_argument("--instances", type=int, default=3, metavar="K")


def _numbers(text: str) -> list[int]:
    return [int(item) for item in _names(text)]


def _tune(options: argparse.Namespace) -> int:
    from nco import profile, tune

    limits = [limit for limit in options.time_limits if limit is not None]
    problems = options.problems or tune.tunable()
    tune.save(tune.tune(problems, options.sizes, limits, options.instances))
    print(profile.path())
    return 0


# ---- models


def _add_models(commands: Any) -> None:
    parser = _command(commands, "models", _models, "List the models that ship with the package.")
    parser.add_argument("--json", action="store_true", help="the whole cards")
    inner = parser.add_subparsers(metavar="prune")
    text = "Drop the agents of a population that add nothing on a validation set."
    prune = _command(inner, "prune", _prune, text)
    prune.add_argument("model", help="a shipped model, a folder or a checkpoint")
    prune.add_argument("output", help="the new model folder")
    prune.add_argument("--reference", required=True, help="a labelled set, such as tsp100")
    prune.add_argument("--agents", type=int, metavar="K", help="keep at most so many")
    prune.add_argument("--instances", type=int, metavar="I", help="the first of each chunk only")


def _models(options: argparse.Namespace) -> int:
    from nco.zoo import available

    cards = available()
    if options.json:
        print(json.dumps(cards, indent=1))
        return 0
    for name, card in cards.items():
        print(
            f"{name}: {card['problem']['class_path'].rpartition('.')[2]}, "
            f"{card['parameters'] / 1e6:.2f} M parameters"
        )
        for row in card.get("measured", []):
            print(f"  {row['set']}: {row['gap_percent']:.3f} % ({row['search']})")
    return 0


def _prune(options: argparse.Namespace) -> int:
    from nco.prune import prune

    found = prune(
        options.model,
        Path(options.output),
        options.reference,
        most=options.agents,
        count=options.instances,
    )
    print(
        f"all agents: {found.all_gap:.4f} % on {found.instances} instances of {options.reference}"
    )
    for count, (agent, gap) in enumerate(zip(found.agents, found.gaps, strict=True), 1):
        print(f"{count:>3} kept, with agent {agent}: {gap:.4f} %")
    return 0


# ---- examples


def _add_examples(commands: Any) -> None:
    _command(commands, "examples", _examples, "List the instances that ship with the package.")


def _examples(options: argparse.Namespace) -> int:
    from nco.sources import examples

    for name, path in examples().items():
        print(f"{name}  {path}")
    return 0


if __name__ == "__main__":
    main()
