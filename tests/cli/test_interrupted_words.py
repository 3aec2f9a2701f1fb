"""Ctrl-C of a command: one line, which speaks of solutions only where some are looked for."""

import pytest

from nco import cli


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["solve", "example:capitals.tsp"], "nco: interrupted before a first solution was found"),
        (["sweep", "--output", "found"], "nco: interrupted"),
    ],
)
def test_an_interrupted_command_ends_in_one_line(
    command: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code 130."""

    def interrupted(given: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nco.cli.parser.parse", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == words
