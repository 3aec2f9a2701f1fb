"""The options of a solve: one field each, from which signature, docstring and flags are made."""

import argparse
import dataclasses
import inspect

import pytest

import nco
from nco.cli import options as flags
from nco.solving.options import OF_ONE, Options, names, takes_options

SQUARE = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    flags.add_options(made)
    return made


@pytest.mark.parametrize(
    ("function", "without"),
    [(nco.solve, ("cluster",)), (nco.solve_iter, ("progress", *OF_ONE))],
)
def test_signature_and_docstring_show_every_option(function, without):
    """`help` and editors see real parameters with their defaults, by keyword only."""
    parameters = inspect.signature(function).parameters
    assert list(parameters) == ["source", *names(without)]
    for field in dataclasses.fields(Options):
        if field.name not in without:
            parameter = parameters[field.name]
            assert (parameter.default, parameter.annotation) == (field.default, field.type)
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
            assert (
                f"\n        {field.name}: {field.metadata['text'].split()[0]}" in function.__doc__
            )
    assert "OPTIONS" not in function.__doc__
    assert max(map(len, function.__doc__.splitlines())) <= 100


def test_the_flags_are_the_options_with_the_same_defaults():
    """What the command passes on without any flag is what a call without options has."""
    given = flags.given(parser().parse_args([]))
    assert Options(**given) == Options()
    assert set(given) | set(flags.WITHOUT) == set(names())


def test_flags_are_read_by_the_type_of_their_option():
    """Numbers, truths and switches."""
    arguments = ["--time_limit", "2", "--bound", "false", "--hindsight", "--seed", "7"]
    given = flags.given(parser().parse_args([*arguments, "--classical", "False"]))
    assert (given["time_limit"], given["seed"]) == (2.0, 7)
    assert (given["bound"], given["hindsight"], given["classical"]) == (False, True, False)


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--time_limit", "0", "must be a positive number of seconds, 'auto' or none, not 0"),
        ("--time_limit", "2x", "must be a positive number of seconds, 'auto' or none, not 2x"),
        ("--total_time", "x", "must be a positive number of seconds, not x"),
        ("--iterations", "0", "must be at least 1, not 0"),
        ("--traces", "1", "must be at least 2, not 1"),
        ("--seed", "x", "invalid int value"),
        ("--bound", "maybe", "true or false"),
    ],
)
def test_a_flag_says_what_its_value_must_be(flag, value, words, capsys):
    """The rule of the option, in one line."""
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args([flag, value])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time_limt": 3}, "time_limt: no such option; did you mean time_limit?"),
        ({"Seed": 3}, "Seed: no such option; did you mean seed?"),
        ({"gurobi": 3}, "gurobi: no such option; there are problem, model, time_limit"),
        (
            {"time_limit": float("nan")},
            "time_limit must be a positive number of seconds, 'auto' or None, not nan",
        ),
        (
            {"time_limit": "3"},
            "time_limit must be a positive number of seconds, 'auto' or None, not '3'",
        ),
        ({"time_limit": True}, "'auto' or None, not True"),
        ({"time_limit": float("inf")}, "'auto' or None, not inf"),
        ({"time_limit": "2", "total_time": 1}, "'auto' or None, not '2'"),
        ({"total_time": -1}, "total_time must be a positive number of seconds, not -1"),
        ({"iterations": 0}, "iterations must be at least 1, not 0"),
        ({"traces": 1}, "traces must be at least 2, not 1"),
        ({"iterations": 1, "time_limit": 1}, "of time or of iterations"),
        ({"total_time": 1, "time_limit": 1}, "total_time leaves no instance a time of its own"),
        ({"total_time": 1, "bound": True}, "with bound, use time_limit"),
        ({"total_time": 1, "hindsight": True}, "with hindsight, use time_limit"),
    ],
)
def test_wrong_options_are_one_line(options, words):
    """Before anything is read or searched."""
    with pytest.raises(nco.NCOError) as error:
        nco.solve("no such file", **options)
    assert words in str(error.value)


def test_an_option_that_a_function_leaves_out_is_unknown_to_it():
    """An option must not be taken and then ignored."""
    with pytest.raises(nco.NCOError, match="progress: no such option"):
        nco.solve_iter([SQUARE], progress=True)


def test_a_function_gets_the_options_as_one_object():
    """The decorated function sees `Options`; its caller keywords."""

    @takes_options()
    def seen(source, options):
        """Args:
        OPTIONS
        """
        return source, options

    assert seen(1, seed=4) == (1, Options(seed=4))
    assert "seed: Of all random numbers" in seen.__doc__
