"""The flags for tables cost no waiting, and are what the problems declare."""

import subprocess
import sys

from nco.registry import sheets

CODE = """
import sys
import nco.cli.parser
nco.cli.parser.build()
print([name for name in ("numpy", "pandas", "openpyxl", "torch") if name in sys.modules])
"""


def test_help_loads_no_large_library() -> None:
    """A sheet imports what needs numpy where it is used."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arguments_of_one_name_are_one_thing() -> None:
    """Two problems that share a flag say the same of it."""
    known = sheets.arguments()
    for sheet in sheets.readers().values():
        for argument in sheet.ARGUMENTS:
            assert known[argument.name] == argument
