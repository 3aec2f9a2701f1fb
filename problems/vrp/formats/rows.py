"""Text files that are a header and rows of numbers: Solomon's and Li & Lim's."""

from dataclasses import dataclass

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import tsplib
from nco.problems.vrp.case import Case, Window
from nco.problems.vrp.formats.faults import Fault, checked

MOST = 1_000_000  # rows


@dataclass(frozen=True, eq=False)
class Rows:
    """A text cut into lines that hold something.

    Attributes:
        lines: (line number, tokens); path: the file, for error messages.
    """

    lines: list[tuple[int, list[str]]]
    path: str | None

    def error(
        self, reason: str, *, field: str, value: object = None, line: int | None = None
    ) -> InstanceError:
        """An error that names the file."""
        return InstanceError(reason, field=field, value=value, path=self.path, line=line)

    def number(self, token: str, field: str, line: int) -> float:
        """A finite number."""
        return tsplib.number(self._document, token, field, line)

    def integer(self, token: str, field: str, line: int, least: int = 0) -> int:
        """A whole number from `least` on."""
        value = tsplib.integer(self._document, token, field, line)
        if value < least:
            raise self.error(f"must be {least} or more", field=field, value=token, line=line)
        return value

    @property
    def _document(self) -> tsplib.Document:
        return tsplib.Document({}, {}, {}, self.path)

    def table(self, lines: list[tuple[int, list[str]]], columns: tuple[str, ...]) -> np.ndarray:
        """Rows of numbers ``[n, columns]``, whose first is 0, 1, ... in order.

        Raises:
            InstanceError: a row of another length, a number that is missing, no row.
        """
        if not 1 <= len(lines) <= MOST:
            raise self.error(f"there must be 1 to {MOST:,} rows", field="rows", value=len(lines))
        values = np.empty((len(lines), len(columns)))
        for row, (line, tokens) in enumerate(lines):
            if len(tokens) != len(columns):
                reason = f"a row must be the {len(columns)} numbers {', '.join(columns)}"
                raise self.error(reason, field="row", value=" ".join(tokens), line=line)
            for column, token in enumerate(tokens):
                values[row, column] = self.number(token, columns[column], line)
            if values[row, 0] != row:
                reason = f"rows are numbered from 0 on: {row} belongs here"
                raise self.error(reason, field=columns[0], value=tokens[0], line=line)
        return values

    def checked(self, case: Case, lines: list[tuple[int, list[str]]]) -> Case:
        """The case; an error names the line of its row."""
        try:
            return checked(case)
        except Fault as fault:
            at = fault.position if fault.kind == "place" else None
            line = None if at is None else lines[at][0]
            value = fault.value if at is None else fault.bare
            raise self.error(
                fault.reason, field=fault.field or "", value=value, line=line
            ) from fault


def cut(text: str, path: str | None) -> Rows:
    """The lines of a text that hold something."""
    if "\0" in text:
        raise InstanceError("NUL byte: this is a binary file, not text", path=path)
    listed = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = [(line, raw.replace("\x1a", "").split()) for line, raw in enumerate(listed, 1)]
    return Rows([(line, tokens) for line, tokens in found if tokens], path)


def pairs(table: np.ndarray) -> list[Window]:
    """Two columns as windows."""
    return [Window(*pair) for pair in table.tolist()]
