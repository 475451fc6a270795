"""Starts the estate's processes so that none outlives it; refuses to recognise one by its number alone."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox import watchdog
from shelfgate.errors import ConfigurationError

# linux/prctl.h, linux/securebits.h, linux/capability.h
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CHANGES_ACCOUNT = {"CAP_CHOWN": 0, "CAP_SETGID": 6, "CAP_SETUID": 7}

ON_LINUX = sys.platform == "linux"
HAS_PRCTL = ON_LINUX


@dataclass(frozen=True)
class UnixAccount:
    """Who a child runs as; `passes_closed_folders` lets it through folders that only root may enter."""

    uid: int
    gid: int
    passes_closed_folders: bool = False


@dataclass(frozen=True)
class Process:
    """A process that can be told from a later one with the same number."""

    pid: int
    started: str

    def is_running(self) -> bool:
        return find(self.pid) == self


def find(pid: int) -> Process | None:
    """The running process with this number; one that has ended but is not reaped counts as ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Process(pid, _start_mark(process))
    except psutil.NoSuchProcess:
        return None


def _start_mark(process: psutil.Process) -> str:
    if not ON_LINUX:
        return f"{process.create_time():.0f}"
    # In ticks since boot: a wall-clock time would move when a virtual machine's clock is set after a pause.
    try:
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError) as ended:
        raise psutil.NoSuchProcess(process.pid) from ended
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{ticks}"


def end(process: Process, seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Ask the process to end; after `seconds` end it and its descendants without asking."""
    if not process.is_running():
        return
    family = [process, *_descendants(process)]
    _send(process, first)
    if not wait_until_ended(process, seconds):
        for member in family:
            _send(member, signal.SIGKILL)
        wait_until_ended(process, 10)


def wait_until_ended(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.is_running():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def working_in(folder: Path, program: str) -> list[Process]:
    """The running processes of this program that were told of this folder, or work in it."""
    found: list[Process] = []
    for process in psutil.process_iter():
        try:
            if process.name() != program:
                continue
            if str(folder) in process.cmdline() or Path(process.cwd()) == folder.resolve():
                found.append(Process(process.pid, _start_mark(process)))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # It ended just now (a zombie has no folder either), or its folder is not ours to see (root in Docker).
            continue
    return found


def running_module(module: str, argument: str) -> list[Process]:
    """The running Python processes that were started with `-m module`, with this argument."""
    found: list[Process] = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if argument in line and ["-m", module] in [line[at : at + 2] for at in range(len(line))]:
                found.append(Process(process.pid, _start_mark(process)))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _descendants(process: Process) -> list[Process]:
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [found for child in children if (found := find(child.pid)) is not None]


def _send(process: Process, number: signal.Signals) -> None:
    if process.is_running():
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def start(
    command: list[str],
    *,
    log: Path,
    folder: Path,
    environment: dict[str, str] | None = None,
    account: UnixAccount | None = None,
    on_parents_death: signal.Signals = signal.SIGTERM,
    sockets: Sequence[socket.socket] = (),
) -> subprocess.Popen[bytes]:
    """Start a child that writes to `log` and ends with the thread that called this (on Linux; elsewhere with the
    process).

    `sockets`: handed over; they keep their numbers there.

    Call it before other threads run: the child is prepared between fork and exec.
    """
    watchdog = None if HAS_PRCTL else _watchdog()
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            preexec_fn=preparation(account, on_parents_death),
            pass_fds=[one.fileno() for one in sockets],
        )
    if watchdog is not None and (process := find(child.pid)) is not None:
        watchdog(process, on_parents_death)
    return child


def _watchdog() -> Callable[[Process, signal.Signals], None]:
    pipe = watchdog.start()

    def watch(process: Process, number: signal.Signals) -> None:
        watchdog.watch(pipe, process.pid, process.started, number)

    return watch


def preparation(account: UnixAccount | None, on_parents_death: signal.Signals | None) -> Callable[[], None]:
    """What a child does between fork and exec: change its account, then tie its life to its parent's."""
    libc = ctypes.CDLL(None, use_errno=True)
    capability = _search_capability() if account is not None and account.passes_closed_folders else None
    parent = os.getpid()

    def prepare() -> None:
        if account is not None:
            _become(libc, account, capability)
        # After the change of account, which clears it.
        if HAS_PRCTL and on_parents_death is not None:
            _call(libc.prctl, PR_SET_PDEATHSIG, int(on_parents_death), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _become(libc: ctypes.CDLL, account: UnixAccount, capability: int | None) -> None:
    os.setgroups([])
    if capability is not None:
        # Without it access(2), which Postgres asks about its own binaries, ignores every capability of a process
        # whose real user is not root.
        _call(libc.prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgid(account.gid)
    os.setuid(account.uid)
    if capability is not None:
        only = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        _call(libc.capset, header, (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0))
        _call(libc.prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def refuse_root_that_cannot_become(account: UnixAccount) -> None:
    """
    Raises:
        ConfigurationError: this process is root by its number alone, and may not give a child to another account.
    """
    if ON_LINUX and (missing := [name for name, number in CHANGES_ACCOUNT.items() if not _permitted() & 1 << number]):
        name = pwd.getpwuid(account.uid).pw_name
        raise ConfigurationError(
            f"Postgres refuses to run as root. Observed: root without {', '.join(missing)}, which cannot become the "
            f"account {name} either. Expected: an ordinary user, or root with these capabilities. Nothing was started. "
            "Start the container or service as an ordinary user that owns SHELFGATE_HOME (`docker run --user "
            "1000:1000`), or give it the capabilities (`docker run --cap-add CHOWN --cap-add SETGID --cap-add "
            "SETUID`)."
        )


def _search_capability() -> int:
    """The weakest capability this process has that passes a closed folder; Docker leaves only the second."""
    if ON_LINUX:
        for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
            if _permitted() & 1 << capability:
                return capability
    raise ConfigurationError(
        "Postgres refuses to run as root, and the account it would run as may not enter its folders. "
        "Nothing was started: choose a SHELFGATE_HOME and an environment that every account may enter, start the "
        "container or service as an ordinary user that owns both, or give it the capability DAC_READ_SEARCH."
    )


def _permitted() -> int:
    """The capabilities of this process, a bit each."""
    return int(Path("/proc/self/status").read_text().partition("CapPrm:")[2].split()[0], 16)


def listening(preferred: int | None = None) -> socket.socket:
    """A socket that listens at the preferred port of 127.0.0.1, or else at one that the system chooses.

    It is handed to the server: a port that is only found free may be somebody else's when the server asks for it.
    """
    made = None
    if preferred:
        with suppress(OSError):
            made = socket.create_server(("127.0.0.1", preferred))
    made = made or socket.create_server(("127.0.0.1", 0))
    # asyncio sets this itself only on sockets of protocol TCP, and create_server leaves the protocol open: without it
    # each further answer on a connection takes 44 ms instead of 1.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def free_port(preferred: int | None = None) -> int:
    """A port of 127.0.0.1 that nobody has now: for a server that takes no socket, and is tried again with another."""
    with listening(preferred) as probe:
        return port_of(probe)


def tail(log: Path, since: int = 0, lines: int = 20) -> str:
    """The last lines of a log, from an offset on; what an error shows instead of sending people to look."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(since)
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:]) or "(empty log)"
