"""The instances that ship with the package, by their names."""

from pathlib import Path

from nco import registry
from nco.core.errors import InstanceError

EXAMPLE = "example:"  # before the name of a file that ships with the package


def examples() -> dict[str, Path]:
    """The instances that ship with the package: ``example:PROBLEM/FILE`` to path."""
    return {
        f"{EXAMPLE}{name}/{path.name}": path
        for name in registry.names()
        for path in sorted((registry.folder(name).path / "examples").glob("*.*"))
    }


def located(path: Path) -> Path:
    """`path` itself, or the shipped file that it names.

    A file in a folder of examples, such as a table that belongs to another one, is named in full.
    """
    if not str(path).startswith(EXAMPLE) or path.exists():
        return path
    shipped = examples()
    name = str(path).removeprefix(EXAMPLE)
    problem, _, rest = name.partition("/")
    if problem in registry.names() and ".." not in rest:
        beside = registry.folder(problem).path / "examples" / rest
        if beside.is_file():
            return beside
    named = [file for full, file in shipped.items() if full == str(path) or file.name == name]
    if len(named) != 1:
        reason = f"{len(named) or 'no'} such examples; there are {', '.join(shipped)}"
        raise InstanceError(reason, path=path)
    return named[0]
