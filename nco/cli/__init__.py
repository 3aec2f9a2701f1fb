"""The `nco` command: a sub-command is a module here; training is Lightning's own command."""

import os
import signal
import sys
import threading
from types import FrameType

from nco.cli.parser import TRAINING, parse
from nco.core.errors import NCOError
from nco.solving.schedule import NETWORKS


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; exits with 2 after a one-line error."""
    given = sys.argv[1:] if arguments is None else arguments
    before = signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C: keep the best so far
    try:
        if given and given[0] in TRAINING:
            from nco.training.command import main as train

            train(given)
            return
        options = parse(given)
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
    except OSError as error:  # a full disk, a folder without leave to write
        print(f"nco: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        code = 2
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
