"""What Lightning's command line says of mistakes, in one line each."""

import re
import sys
from pathlib import Path
from typing import NoReturn

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser

from nco.core.errors import NCOError, did_you_mean

MOST_NAMES = 20  # of options that a line lists
LONGEST = 500  # characters of a line
USUAL = (NCOError, ValueError, TypeError, MisconfigurationException, FileNotFoundError)
EXAMPLE = """\
examples:
  nco {0} --config configs/tsp/pomo.yaml --checkpoint.folder runs/tsp
  nco {0} --config configs/tsp/pomo.yaml --print_config

nco {0} --help lists the options; configs/... are those that ship."""


class OneLineParser(LightningArgumentParser):
    """Says in one line what is wrong, with the option that may have been meant."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Prints the line and exits with 2.

        An option of a class in the configuration (``--model.problem.sise``) is refused by the
        parser of that class, which knows only the last word of it.
        """
        flags = [option for action in self._actions for option in action.option_strings]
        if (unknown := re.match(r"[Uu]nrecognized arguments: (--\S+)", message)) is not None:
            flag = unknown.group(1).partition("=")[0]
            message += f";{did_you_mean(flag, flags) or ' nco fit --help lists the options'}"
        elif (unknown := re.match(r"Option '(\S+)' is not accepted$", message)) is not None:
            names = [
                flag[2:] for flag in flags if re.fullmatch(r"--\w+", flag) and flag != "--help"
            ]
            near = did_you_mean(unknown.group(1).replace("-", "_"), names)
            message = f"{unknown.group(1)}: no such option;{near or f' there are {_some(names)}'}"
        sys.stderr.write(f"nco: {line(message)}\n")
        self.exit(2)


def _some(names: list[str]) -> str:
    """The first of many names."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def line(message: str) -> str:
    """A message without line breaks, cut where it is very long."""
    text = " ".join(message.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def as_error(error: Exception) -> NCOError | None:
    """A mistake of the user's in one line; None for what must be a defect.

    jsonargparse wraps what a class of the configuration raises in pages of its own: the first cause
    is what the user must know.
    """
    cause: BaseException = error
    chain = [cause]
    while (before := cause.__cause__ or cause.__context__) is not None and before not in chain:
        cause = before
        chain.append(cause)
    own = [each for each in chain if isinstance(each, NCOError)]
    if own:
        return own[-1]
    return NCOError(line(str(cause))) if isinstance(cause, USUAL) else None


def refuse_missing(words: list[str], shipped: Path) -> None:
    """Raises NCOError where a configuration file is not there."""
    for before, word in zip(["", *words], words, strict=False):
        flag, equals, value = word.rpartition("=")
        if (flag if equals else before) not in ("--config", "-c") or Path(value).is_file():
            continue
        if value.startswith(("{", "[")) or "\n" in value:  # YAML itself
            continue
        known = [f"configs/{path.relative_to(shipped)}" for path in shipped.glob("*/*.yaml")]
        near = did_you_mean(value, known) or " configs that ship are named configs/tsp/pomo.yaml"
        raise NCOError(f"--config {value}: no such file;{near}")
