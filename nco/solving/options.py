"""The options of a solve, each written once: its default, its help text and what it must be.

The signatures and docstrings of `nco.solve` and `nco.solve_iter` and the flags of ``nco solve`` are
made from the fields of `Options`. A new option is a new field, and the place that uses it.
Free of torch.
"""

import dataclasses
import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar

from nco.core.errors import NCOError

T = TypeVar("T")

if TYPE_CHECKING:
    TimeLimit = Any  # whoever computes with it has it settled: a number or None (`limits`)
else:
    TimeLimit = float | str | None

WIDTH = 96  # characters of a docstring's line
PLACEHOLDER = "        OPTIONS\n"  # in a docstring, where the options' help texts go


@dataclass(frozen=True)
class Rule:
    """What an option's value must be, in words after "must be", and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_seconds(value: Any) -> bool:
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and 0 < float(value) < math.inf


AUTO = "auto"  # a time limit that depends on the instance
SECONDS = Rule("a positive number of seconds", _is_seconds)
LIMIT = Rule(
    f"a positive number of seconds, '{AUTO}' or None",
    lambda value: (isinstance(value, str) and value == AUTO) or _is_seconds(value),
)


OF_ONE = ("start", "before", "frozen", "stability")  # options that are not for lists
PRICE = Rule(
    "a number from 0 on",
    lambda value: (
        isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf
    ),
)


def frozen_of(text: str) -> float | str | list[int]:
    """Counts, a number, or words that the problem understands."""
    if "," in text:
        return [int(part) for part in text.split(",")]
    try:
        return float(text)
    except ValueError:
        return text


def limit_of(text: str) -> float | str | None:
    """A time limit from its text.

    Raises:
        ValueError: where it is none.
    """
    if text in (AUTO, "none"):
        return None if text == "none" else text
    return float(text)


def at_least(least: int) -> Rule:
    """A whole number from `least` on."""
    return Rule(
        f"at least {least}", lambda value: isinstance(value, Integral) and int(value) >= least
    )


def option(
    default: T,
    text: str,
    *,
    rule: Rule | None = None,
    metavar: str | None = None,
    parse: Callable[[str], Any] | None = None,
) -> T:
    """A field of `Options`.

    Args:
        default: None, where allowed, is never tested by the rule.
        text: for people: of the docstring, and of the command's ``--help``.
        rule: what values must be.
        metavar: what the value is called in ``--help``.
        parse: from a flag's text to the value; by default what the field's type makes of it. It
            raises ValueError where the rule is broken.
    """
    metadata = {"text": text, "rule": rule, "metavar": metavar, "parse": parse}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller of `nco.solve` asked for, checked.

    Raises:
        NCOError: naming the option, what it must be, and its value.
    """

    problem: str | None = option(
        None, "The problem folder's name, where the source does not tell.", metavar="NAME"
    )
    model: str = option(
        "auto",
        "A shipped model's name, a model folder, a checkpoint, or 'auto': the shipped models with "
        "the least measured gap near the instance's size. Where no model ships for the problem, or "
        "with 'none', the answer is the problem's simple construction and, under a limit, what a "
        "classical solver makes of it; the solution's model is then 'none'.",
        metavar="NAME",
    )
    time_limit: TimeLimit = option(  # noqa: RUF009  as the others, whose types ruff knows
        AUTO,
        "Seconds for each instance, from the call on, reading and loading included. 'auto' is, for "
        "one instance, 1 s at 100 nodes, 10 s at 1,000 and at most 60 s, and ends earlier at a "
        "proof or when nothing has been found for as long as everything before took. None ('none' "
        "on the command line) is one deterministic pass of the search that the model's card names, "
        "which 'auto' is too for a list (networks then solve alike ones together); of an online "
        "problem 'auto' and None are the same.",
        rule=LIMIT,
        metavar="S|auto|none",
        parse=limit_of,
    )
    total_time: float | None = option(
        None,
        "Of several instances: seconds for all of them, which share the cores, each on one.",
        rule=SECONDS,
        metavar="S",
    )
    iterations: int | None = option(
        None,
        "Instead of seconds: so many rollouts of each of the networks' searches, and then so many "
        "iterations of the classical solver, where it can count them. Equal seeds give equal "
        "answers on the same hardware and threads.",
        rule=at_least(1),
        metavar="K",
    )
    seed: int = option(
        0, "Of all random numbers; the same seed without seconds gives the same answer."
    )
    device: str = option("auto", "Of the networks; 'auto' is a GPU where there is one.")
    classical: bool = option(
        True,
        "Let classical solvers work, beside or after the networks, where there are cores and time "
        "for them; of an online problem, let classical rules compete with the networks.",
    )
    bound: bool | None = option(
        None,
        "Add a certified lower bound of the cost, and the gap to it, where the problem has one: in "
        "a twentieth of the time limit, without a limit with a fixed effort. A solution that meets "
        "it is OPTIMAL. By default for one instance, not for several, which have the bounds that "
        "solvers prove on the way.",
    )
    traces: int = option(
        1000,
        "Of an online problem: futures over which a policy's mean cost is taken.",
        rule=at_least(2),
        metavar="K",
    )
    hindsight: bool = option(
        False,
        "Of an online problem: plan with perfect information of the future (the case's own, or "
        "random ones), which is a bound and no policy.",
    )
    policy: str | None = option(
        None,
        "Of an online problem: a policy of your own to price beside the best one, on the same "
        "futures: a file (a rule in JSON, what --save wrote, a table in CSV) or words, such as "
        "'min-max 40 90' of an inventory.",
        metavar="RULE",
    )
    what_if: str | None = option(
        None,
        "Of an online problem: a change, such as 'edges.depot.lead_time=5' of an inventory; the "
        "best policy of the changed instance is compared on the same futures.",
        metavar="CHANGE",
    )
    verbose: bool = option(False, "Print the plan to stderr before it runs.")
    progress: bool | None = option(
        None, "Of a list: show a progress bar. By default where stderr is a terminal."
    )

    start: Any = option(  # noqa: RUF009  as the others, whose types ruff knows
        None,
        "A plan to begin from: a solution in the instance's own numbers, a `Solution`, or a file "
        "of one. It may break rules, or leave something out.",
        metavar="PLAN",
        parse=str,
    )
    before: Any = option(  # noqa: RUF009  as the others, whose types ruff knows
        None,
        "The instance that `start` is a plan of, where that is another one: things are then the "
        "same by their names, or else by their numbers. A `Solution` has its own.",
        metavar="FILE",
        parse=str,
    )
    frozen: Any = option(  # noqa: RUF009  as the others, whose types ruff knows
        None,
        "Of routes: what of `start` is driven already and stays: the time now (also 10:30), or for "
        "each route how many of its stops (2,0,3). The answer is a plan of what is left, which is "
        "its `case`.",
        metavar="NOW|K,K",
        parse=frozen_of,
    )
    stability: float = option(
        0.0,
        "Of routes: what it costs that a client changes its vehicle, beside the costs of the plan.",
        rule=PRICE,
        metavar="COST",
    )

    columns: Mapping[str, str] | None = option(
        None,
        "Of a table (CSV, Excel, a DataFrame): which header is which column, such as "
        "{'demand': 'qty'}, where it is not recognised.",
    )
    arguments: Mapping[str, Any] | None = option(
        None,
        "Of a table: what it does not say, such as {'capacity': 12}; each may also be given by its "
        "own name, capacity=12.",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), field.metadata["rule"]
            if value is not None and rule is not None and not rule.holds(value):
                raise NCOError(f"{field.name} must be {rule.words}, not {value!r}")
        if self.start is None:
            for name in OF_ONE[1:]:
                if getattr(self, name):
                    raise NCOError(f"{name} is said of a plan: give it with start")
        given = self.time_limit not in (None, AUTO)
        if self.iterations is not None and given:
            raise NCOError("a budget is of time or of iterations: leave one of the two out")
        if self.total_time is not None:
            wrong = {"time_limit": given} | {
                name: getattr(self, name) for name in ("iterations", "hindsight", "bound")
            }
            for name in (name for name, is_given in wrong.items() if is_given):
                raise NCOError(
                    f"total_time leaves no instance a time of its own: with {name}, "
                    "use time_limit or no limit"
                )

    @classmethod
    def of(cls, given: Mapping[str, Any], names: "Names") -> "Options":
        """From keyword arguments; what a problem's table takes beside it goes to `arguments`.

        Raises:
            NCOError: for one that is not among `names`, with the name that it may stand for.
        """
        others = {name: value for name, value in given.items() if name not in names}
        if not others:
            return cls(**given)
        from nco.registry import sheets

        for name in others:
            if name not in sheets.arguments():
                near = get_close_matches(name, [*names, *sheets.arguments()], 1)
                help_text = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
                raise NCOError(f"{name}: no such option; {help_text}")
        own = {name: value for name, value in given.items() if name in names}
        return cls(**{**own, "arguments": {**(own.get("arguments") or {}), **others}})


Names = list[str]


def names(without: tuple[str, ...] = ()) -> Names:
    """The options' names in the order of their fields."""
    return [field.name for field in dataclasses.fields(Options) if field.name not in without]


def takes_options(
    *without: str,
) -> Callable[[Callable[[Any, Options], T]], Callable[..., T]]:
    """Decorates ``function(source, options)``: callers give options by keyword.

    Signature and docstring show them one by one; those named here are left out.
    """
    taken = names(without)

    def decorate(function: Callable[[Any, Options], T]) -> Callable[..., T]:
        @functools.wraps(function)
        def called(source: Any, **given: Any) -> T:
            return function(source, Options.of(given, taken))

        signature = inspect.signature(function)
        fields = [Options.__dataclass_fields__[name] for name in taken]
        parameters = [signature.parameters["source"]] + [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in fields
        ]
        shown: Any = called
        shown.__signature__ = signature.replace(parameters=parameters)
        shown.__annotations__ = {each.name: each.annotation for each in parameters} | {
            "return": signature.return_annotation
        }
        shown.__doc__ = (function.__doc__ or "").replace(PLACEHOLDER, "".join(_lines(taken)))
        return called

    return decorate


def _lines(taken: Names) -> Iterator[str]:
    """The options as the lines of a docstring's arguments."""
    for name in taken:
        text = f"{name}: {Options.__dataclass_fields__[name].metadata['text']}"
        lines = textwrap.wrap(text, WIDTH, initial_indent=8 * " ", subsequent_indent=12 * " ")
        yield "\n".join(lines) + "\n"
