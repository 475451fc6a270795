"""Every way out of a command, with its exit status; docs/architecture.md has the table."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from shelfgate import interruption
from shelfgate.errors import ConfigurationError, PermanentFailure, ShelfgateError

INTERRUPTED: Final = 128
"""Plus the number of the signal, as shells count: 130 Ctrl-C, 143 SIGTERM, 129 a terminal that was closed."""
PIPE_CLOSED: Final = INTERRUPTED + signal.SIGPIPE
"""Whoever read the answer went away before it was complete, as `head` does."""
DIFFERS: Final = 7
"""Of a command that compares: something is stale, or differs from what is declared."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_USABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR})
FAREWELL_SECONDS = 20.0
STATUS_HINT = "`shelfgate status` shows what readers see."


def status_of(command: Callable[[], object], *, as_json: bool) -> int:
    """Run a command; say how it ended if that was not well, and answer with its exit status. Never 1.

    Raises nothing, and lets no traceback reach the terminal.
    """
    with interruption.watched():
        sys.unraisablehook = _report_unless_interrupted
        try:
            try:
                ended: object = command()
            except SystemExit as left:
                ended = PIPE_CLOSED if _reader_has_gone() else left.code
            except BaseException as error:  # noqa: BLE001  (the last resort: whatever it is, it gets a status)
                ended = _told(error, as_json=as_json)
            else:
                if (number := interruption.requested()) is not None:
                    _say(f"{interruption.name_of(number)} arrived when the command had done its work.")
        except KeyboardInterrupt:
            ended = None  # a second signal, while the first one was reported
        number = interruption.requested()
        _leave_at_the_next_signal()
        if number is not None:
            return INTERRUPTED + number
        status = ended if isinstance(ended, int) else (0 if ended is None else ConfigurationError.exit_status)
        return PermanentFailure.exit_status if status == 1 else status


def leave(status: int) -> NoReturn:
    """End the process with this status, at the latest after FAREWELL_SECONDS.

    Prefect's threads send what they have left when the interpreter ends, and wait long for a server that is gone.
    """

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    last = threading.Timer(FAREWELL_SECONDS, end)
    last.daemon = True
    last.start()
    sys.exit(status)


def notes_of(error: BaseException) -> str:
    """What a run that ended early said about readers, wherever in the chain of exceptions it is."""
    return next((" ".join(one.__notes__) for one in chain_of(error) if getattr(one, "__notes__", None)), "")


def shelfgate_error_of(error: BaseException) -> ShelfgateError | None:
    """The error of ours that this one is, or that was on its way when this one was raised."""
    return next((one for one in chain_of(error) if isinstance(one, ShelfgateError)), None)


def _told(error: BaseException, *, as_json: bool) -> int:
    import click

    if (number := interruption.requested()) is not None:
        return _tell(type(error).__name__, _interrupted(error, number), INTERRUPTED + number, as_json=as_json)
    if isinstance(error, click.exceptions.Abort):
        _say("Not confirmed: nothing was done.")
        return INTERRUPTED + signal.SIGINT
    if isinstance(error, click.ClickException):
        if isinstance(error, click.UsageError):
            error.show()
        else:
            _say(f"Error: {error.format_message()}")
        return ConfigurationError.exit_status if error.exit_code == 1 else error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read the answer has gone. The interpreter would fail at flushing what is left of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    ours = _as_ours(error)
    message = "\n".join([str(ours), *getattr(ours, "__notes__", ())])
    return _tell(type(ours).__name__, message, ours.exit_status, as_json=as_json)


def _reader_has_gone() -> bool:
    """click ends with 1 then, and leaves this trace of the cause only."""
    from click.utils import PacifyFlushWrapper

    return isinstance(sys.stdout, cast(type, PacifyFlushWrapper))


def _interrupted(error: BaseException, number: int) -> str:
    ours = shelfgate_error_of(error)
    return (
        f"{f'{ours} ' if ours else ''}Ended by {interruption.name_of(number)}. {notes_of(error) or STATUS_HINT} "
        "The same command can be run again."
    )


def _as_ours(error: BaseException) -> ShelfgateError:
    if isinstance(error, ShelfgateError):
        return error
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return PermanentFailure(
            f"{error.strerror}{f': {error.filename}' if error.filename else ''}. Expected room on the disk. "
            f"{notes_of(error) or STATUS_HINT} Make room, then run again."
        )
    if isinstance(error, OSError) and error.errno in NOT_USABLE and _is_below_home(error.filename):
        return ConfigurationError(
            f"SHELFGATE_HOME: {error.strerror}: {error.filename}. Expected a folder in which this user may read and "
            f"write. {notes_of(error) or STATUS_HINT} Change its owner or mode, or choose another SHELFGATE_HOME."
        )
    return PermanentFailure(
        f"Unexpected {type(error).__name__}{_place(error)}: a defect of shelfgate, or a failure it does not know. "
        f"{notes_of(error) or STATUS_HINT} The traceback is in {_keep_traceback(error)}; it may quote data."
    )


def _tell(name: str, message: str, status: int, *, as_json: bool) -> int:
    from flows.console import answer

    _say(f"\n{message}")
    if as_json:
        answer({"error": name, "message": message, "exit_status": status})
    return status


def _say(message: str) -> None:
    from flows.console import say

    say(message)


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those that it was raised from or during."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _home() -> Path:
    return Path(os.environ.get("SHELFGATE_HOME") or ".shelfgate").absolute()


def _is_below_home(filename: Any) -> bool:
    if not isinstance(filename, str | os.PathLike):
        return False
    path = Path(filename).absolute()
    return path.is_relative_to(_home()) or path.resolve().is_relative_to(_home().resolve())


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _keep_traceback(error: BaseException) -> str:
    """Append the traceback to a log that only its owner may read; answers with its path."""
    text = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{''.join(traceback.format_exception(error))}\n"
    for folder in (_home(), Path(tempfile.gettempdir())):
        log = folder / "shelfgate-errors.log"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "a") as file:
                file.write(text)
        except OSError:
            continue
        return str(log)
    return "no file: neither SHELFGATE_HOME nor the folder for temporary files could be written"


def _report_unless_interrupted(unraisable: Any) -> None:
    """The flag keeps what a callback drops of a signal: nobody needs its traceback."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _leave_at_the_next_signal() -> None:
    """The command is over; only threads of libraries may still hold the process. Another signal ends it at once."""
    for number in interruption.ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # as nohup, or a shell's background job, wants it
        signal.signal(number, lambda number, _: os._exit(INTERRUPTED + number))
