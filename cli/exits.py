"""Every way out of a command, with its exit status; docs/architecture.md has the table."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from cli.console import answer, discard, flush, make_streams_safe, reader_has_gone, say
from shelfgate import interruption
from shelfgate.environment import ERRORS_LOG
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
    make_streams_safe()
    with interruption.watched():
        sys.unraisablehook = _report_unless_interrupted
        try:
            try:
                ended: object = command()
            except SystemExit as left:
                ended = _left(left, as_json=as_json)
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
        flush()
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
            shown = io.StringIO()
            error.show(shown)
            _say(shown.getvalue().rstrip("\n"))
        else:
            _say(f"Error: {error.format_message()}")
        return ConfigurationError.exit_status if error.exit_code == 1 else error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read the answer has gone. The interpreter would fail at flushing what is left of it.
        discard(sys.stdout)
        return PIPE_CLOSED
    ours = _as_ours(error)
    message = "\n".join([str(ours), *getattr(ours, "__notes__", ())])
    return _tell(type(ours).__name__, message, ours.exit_status, as_json=as_json)


def _left(left: SystemExit, *, as_json: bool) -> object:
    """click ends with 1, and keeps no cause, where a write meets a pipe or a connection that was closed (EPIPE)."""
    if left.code != 1:
        return left.code
    if reader_has_gone():
        return _told(BrokenPipeError(), as_json=as_json)
    return _told(
        PermanentFailure(
            "The command ended without saying why, as it does when another program closes a connection that it writes "
            f"to. Expected an answer. {STATUS_HINT} Run it again."
        ),
        as_json=as_json,
    )


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
    _say(f"\n{message}")
    if as_json:
        with suppress(Exception):  # as in _say
            answer({"error": name, "message": message, "exit_status": status})
    return status


def _say(message: str) -> None:
    with suppress(Exception):  # nobody can be told, but the status is right all the same
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
    with suppress(OSError):  # a working folder that is gone
        path = Path(filename).absolute()
        return path.is_relative_to(_home()) or path.resolve().is_relative_to(_home().resolve())
    return False


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _keep_traceback(error: BaseException) -> str:
    """Append the traceback to a log that only its owner may read; answers with its path."""
    text = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{''.join(traceback.format_exception(error))}\n"
    for open_log in (_log_of_home, _log_elsewhere):
        try:
            number, log = open_log()
            with os.fdopen(number, "a") as file:
                file.write(text)
        except OSError:
            continue
        return str(log)
    return "no file: neither SHELFGATE_HOME nor the folder for temporary files could be written"


def _log_of_home() -> tuple[int, Path]:
    folder = _home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / ERRORS_LOG
    number = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    found = os.fstat(number)
    if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
        os.close(number)
        raise PermissionError(errno.EPERM, "belongs to somebody else", str(log))
    return number, log


def _log_elsewhere() -> tuple[int, Path]:
    """A new file in the folder for temporary files, which everybody shares: a fixed name could be taken."""
    number, log = tempfile.mkstemp(prefix="shelfgate-errors-", suffix=".log")
    return number, Path(log)


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
