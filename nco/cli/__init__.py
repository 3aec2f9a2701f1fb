"""The `nco` command: a sub-command is a module here; training is Lightning's own command."""

import os
import signal
import sys
import threading

from nco.core.errors import NCOError
from nco.solving import interrupts

ENDING = 1.0  # seconds in which networks end that are told to
TRAINING = ("fit", "validate", "test", "predict")


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; exits with 2 after a one-line error."""
    given = sys.argv[1:] if arguments is None else arguments
    before = signal.signal(signal.SIGTERM, interrupts.interrupt)  # as Ctrl-C: keep the best so far
    try:
        if given and given[0] in TRAINING:
            _train(_importing(given))
            return
        with interrupts.held(given[:1] == ["solve"]):  # what is imported here, too
            from nco.cli.arguments import allow
            from nco.cli.parser import parse

            options = parse(given)
            allow(getattr(options, "modules", ()))
            code = options.handler(options)
    except NCOError as error:
        print(f"nco: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        before_what = " before a first solution was found" if given[:1] == ["solve"] else ""
        print(f"nco: interrupted{before_what}", file=sys.stderr)
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


def _importing(given: list[str]) -> list[str]:
    """The words that Lightning reads: those without ``--import MODULE``."""
    from nco.cli.arguments import allow

    words: list[str] = []
    rest = iter(given)
    for word in rest:
        flag, sign, module = word.partition("=")
        if flag == "--import":
            allow([module if sign else next(rest, "")])
        else:
            words.append(word)
    return words


def _train(given: list[str]) -> None:
    """Lightning's command, here or in the workers of a cluster."""
    if any(word.partition("=")[0] == "--cluster" for word in given):
        from nco.cluster.fit import main as train_on_cluster

        train_on_cluster(given)
        return
    from nco.training.command import main as train

    train(given)


def _leave(code: int) -> None:
    """Ends the process; at once, where a thread that loads networks would hold it up."""
    from nco.solving import machine
    from nco.solving.schedule import NETWORKS

    searching = [thread for thread in threading.enumerate() if thread.name == NETWORKS]
    for thread in searching if not machine.loading() else ():  # it ends at its next step
        thread.join(ENDING)
    if any(thread.is_alive() for thread in searching):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
