"""The errors a user can cause, each one line that names the place, the value and the reason."""

from collections.abc import Iterable
from pathlib import Path


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The question for a misspelt word, with a space before it; empty where none is alike."""
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), list(words), 1)
    return f" did you mean {near[0]}?" if near else ""


class NCOError(ValueError):
    """Anything a user can put right: the command line prints it as one line and exits with 2."""


class InstanceError(NCOError):
    """An instance, a solution or a file that breaks its format or its problem's rules.

    Args:
        reason: what is wrong and what would be right, in one sentence.
        field: the keyword, section or array at fault, such as ``"DIMENSION"``.
        value: the offending value, shown by ``repr`` and cut at 60 characters.
        path: the file, where there is one.
        line: the line in that file, from 1.
    """

    def __init__(
        self,
        reason: str,
        *,
        field: str | None = None,
        value: object = None,
        path: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        self.reason, self.field, self.value = reason, field, value
        self.path, self.line = path, line
        super().__init__(reason)

    def __str__(self) -> str:
        place = str(self.path or "")
        if self.line is not None:
            place += f":{self.line}" if place else f"line {self.line}"
        subject = self.field or ""
        if self.value is not None:
            shown = self.value if isinstance(self.value, str) else repr(self.value)
            shown = " ".join(shown.split())
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            subject = f"{subject} {shown}".strip()
        return ": ".join(part for part in (place, subject, self.reason) if part)
