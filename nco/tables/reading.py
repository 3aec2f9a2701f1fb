"""What a problem's ``sheet.py`` reads from: the tables, what was given beside them, and numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nco.core.errors import InstanceError
from nco.tables import figures, wide
from nco.tables.columns import Match, match
from nco.tables.figures import Unreadable
from nco.tables.forms import Form
from nco.tables.table import Cell, Table, shown

LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class Reading:
    """A table as one of a form.

    Attributes:
        table: the table.
        form: what it is a table of.
        match: which column is which.
    """

    table: Table
    form: Form
    match: Match

    def __len__(self) -> int:
        return len(self.table.rows)

    def has(self, *names: str) -> bool:
        """Whether all these columns are there."""
        return set(names) <= set(self.match.places)

    def header(self, name: str) -> str:
        """What the source calls a column."""
        return self.table.columns[self.match.places[name]] or name

    def error(
        self, reason: str, name: str | None = None, row: int | None = None, value: object = None
    ) -> InstanceError:
        """An error that names file, line, column and value."""
        header = self.header(name) if name is not None and self.has(name) else name
        return self.table.error(reason, field=header, value=value, row=row)

    def require(self, *names: str) -> None:
        """Raises where a column is missing, and says how to name it."""
        for name in names:
            if not self.has(name):
                reason = (
                    f"no such column of {self.form.name} among {self.table.headers}; "
                    f"name it by --columns {name}=HEADER (columns={{'{name}': HEADER}})"
                )
                raise self.table.error(reason, field=name)

    def cells(self, name: str) -> list[Cell]:
        """A column as it stands.

        Raises:
            InstanceError: where it is missing, or there twice.
        """
        self.require(name)
        if name in self.match.doubled:
            first, second = self.match.doubled[name]
            reason = f"may be {first} or {second}: say which by --columns {name}=HEADER"
            raise self.table.error(reason, field=name)
        place = self.match.places[name]
        return [row[place] for row in self.table.rows]

    def numbers(self, name: str) -> list[float | None]:
        """A column of numbers; None where there is nothing.

        Raises:
            InstanceError: for what is no number, and for two units in one column.
        """
        cells = self.cells(name)
        mark = figures.decimal_mark(cells, self.table.delimiter)
        values: list[float | None] = []
        units: dict[str, int] = {}
        for row, cell in enumerate(cells):
            if figures.nothing(cell):
                values.append(None)
                continue
            try:
                values.append(figures.number(cell, mark))
            except Unreadable as error:
                raise self.error(str(error), name, row, shown(cell) or repr(cell)) from None
            if unit := figures.unit(cell):
                units.setdefault(unit, row)
        if len(units) > 1:
            one, other = list(units)[:2]
            reason = f"{one} and {other} in one column: use one unit"
            raise self.error(reason, name, units[other], shown(cells[units[other]]))
        return values

    def all_numbers(self, name: str, least: float | None = None) -> list[float]:
        """A column of numbers without gaps, from `least` on."""
        values: list[float] = []
        for row, value in enumerate(self.numbers(name)):
            if value is None:
                raise self.error("is empty: a number belongs here", name, row)
            if least is not None and value < least:
                words = "must not be negative" if least == 0 else f"must be at least {least:g}"
                raise self.error(words, name, row, shown(value))
            values.append(value)
        return values

    def texts(self, name: str) -> list[str]:
        """A column of names; empty text where there is nothing."""
        return [" ".join(shown(cell).split())[:LONGEST_NAME] for cell in self.cells(name)]

    @property
    def remark(self) -> str:
        """A sentence that says which columns are read as what, and which are not."""
        read = [
            name if self.header(name) == name else f"{self.header(name)} as {name}"
            for name in self.match.places
        ]
        used = set(self.match.places.values())
        left = [c for i, c in enumerate(self.table.columns) if i not in used and c]
        passed = f"; leaves out {', '.join(left)}" if left else ""
        sheet = f" of sheet {self.table.name}" if self.table.name else ""
        side = f"; {self.table.unfolded}" if self.table.unfolded else ""
        return f"{self.form.name}{sheet}: reads {', '.join(read)}{passed}{side}"


@dataclass(frozen=True)
class Given:
    """What a user gave.

    Attributes:
        tables: of one file (several sheets of a workbook), or one of a DataFrame.
        arguments: by name, as the problem's sheet declares them; of kind ``table`` the tables.
        columns: column name -> header, where the user says which is which.
        problem: the one that the user named; None: it is to be recognised.
        has_distances: whether distances are among all that.
    """

    tables: Sequence[Table]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    has_distances: bool = False

    @property
    def path(self) -> str | None:
        """The file; None of a DataFrame."""
        return self.tables[0].path

    @property
    def name(self) -> str:
        """What the case is called."""
        return self.tables[0].stem

    def find(self, form: Form) -> Reading | None:
        """The table of a form: one given for it, else the best of the file's; None: there is none.

        The best has the columns that the form needs, then a fitting title, then most columns.
        """
        own = self.arguments.get(form.name)
        if isinstance(own, list):
            found = [Reading(table, form, match(form, table, self.columns)) for table in own]
            return max(found, key=lambda one: (one.match.meets(form), len(one.match.places)))
        titles = {form.name, *form.titles}
        found = [Reading(t, form, match(form, t, self.columns)) for t in self.tables]
        if not any(map(self._suffices, found)):
            named = self.problem is not None
            made = [wide.unfolded(form, t, self.columns, named) for t in self.tables]
            found = [Reading(t, form, match(form, t, self.columns)) for t in made if t is not None]
        found = [one for one in found if self._suffices(one)]
        return max(
            found,
            key=lambda one: (one.table.name.lower() in titles, len(one.match.places)),
            default=None,
        )

    def _suffices(self, reading: Reading) -> bool:
        """Whether a table has what its form needs."""
        beside = reading.form.with_distances
        enough = bool(beside) and self.has_distances and reading.has(*(beside or ()))
        return enough or reading.match.meets(reading.form)

    def needed(self, name: str, problem: str, what: str) -> Any:
        """An argument that must be there.

        Raises:
            InstanceError: it is not, with the way to give it.
        """
        if self.arguments.get(name) is None:
            reason = f"{problem} needs {what}: add --{name} V, or {name}=V in Python"
            raise InstanceError(reason, field=name, path=self.path)
        return self.arguments[name]
