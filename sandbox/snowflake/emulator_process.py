"""Starts and ends the emulator's process; refuses to run it in the product's environment, whose pins conflict."""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox import processes
from sandbox.aws_signature import AwsKeys
from sandbox.home import write_whole
from sandbox.processes import Process
from shelfgate.environment import given_setting
from shelfgate.errors import ExternalServiceUnavailable, PermanentFailure

HERE = Path(__file__).parent
ACCOUNT = "EMULATED"
ADMIN = "ADMINISTRATOR"
STAGED = "staged"
# Of a test's S3, which asks nobody for a signature.
OPEN_BUCKET = AwsKeys("integration", "integration")
# A cold start reads 150 MB of libraries from disk; warm it takes 2 s.
START_SECONDS = 90.0


def environment() -> Path:
    """The emulator's Python, its environment made on demand from the lock beside this file.

    Raises:
        ExternalServiceUnavailable: uv could not install what the lock names.
    """
    folder = Path(given_setting("SHELFGATE_SANDBOX_SNOWFLAKE_VENV") or Path(sys.prefix) / "snowflake-emulator")
    python, mark = folder / "bin" / "python", folder / ".lock-installed"
    lock = (HERE / "uv.lock").read_bytes()
    if python.exists() and mark.exists() and mark.read_bytes() == lock:
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as turn:  # two test workers may want it at once
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (python.exists() and mark.exists() and mark.read_bytes() == lock):
            _install(folder)
            mark.write_bytes(lock)
    return python


def _install(folder: Path) -> None:
    uv = Path(sys.prefix) / "bin" / "uv"
    ran = subprocess.run(
        [str(uv), "sync", "--frozen", "--quiet", "--project", str(HERE), "--python", sys.executable],
        env={**_plain_environment(), "UV_PROJECT_ENVIRONMENT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise ExternalServiceUnavailable(
            f"Snowflake emulator: uv could not make its environment: {ran.stderr.strip()[-500:]}. Nothing was started."
        )


def _plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}


@dataclass
class KeyPair:
    """A private key as a file that only its owner may read, and the public half as Snowflake wants it."""

    private_file: Path
    passphrase: str
    public: str


def make_key(folder: Path, name: str, passphrase: str) -> KeyPair:
    """An RSA key of 2048 bits in encrypted PKCS#8."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = folder / f"{name}.p8"
    write_whole(
        private,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        ),
    )
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private, passphrase, base64.b64encode(der).decode())


@dataclass
class Emulator:
    """A running emulator. `admin` may do everything, as the person who opened an account may."""

    port: int
    process: Process
    admin: KeyPair
    folder: Path
    _child: Any = field(repr=False)

    @property
    def token(self) -> str:
        """What `/_emulator/...` asks for, as a bearer token."""
        return self.admin.passphrase

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, user: str, key: KeyPair, role: str, database: str, warehouse: str) -> dict[str, str]:
        """What a client reads of its environment to log in here as this user."""
        return {
            "SHELFGATE_TARGET": "snowflake",
            "SNOWFLAKE_ACCOUNT": ACCOUNT,
            "SNOWFLAKE_USER": user,
            "SNOWFLAKE_ROLE": role,
            "SNOWFLAKE_DATABASE": database,
            "SNOWFLAKE_WAREHOUSE": warehouse,
            "SNOWFLAKE_PRIVATE_KEY_PATH": str(key.private_file),
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": key.passphrase,
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
        }

    def await_answer(self) -> None:
        """
        Raises:
            PermanentFailure: it ended while starting.
            ExternalServiceUnavailable: it did not answer in time, and was ended.
        """
        log = self.folder / "emulator.log"
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.url):
            if not self.process.is_running():
                raise PermanentFailure(f"Snowflake emulator: it ended while starting:\n{processes.tail(log)}")
            if time.monotonic() > deadline:
                self.stop()
                raise ExternalServiceUnavailable(
                    f"Snowflake emulator: no answer within {START_SECONDS:.0f} s. See {log}."
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, and remove what it held of files that were sent to its own stages."""
        processes.end(self.process, 5.0)
        self._child.wait(10)
        shutil.rmtree(self.folder / STAGED, ignore_errors=True)


def start(folder: Path, *, s3_endpoint: str = "", data: Path | None = None, more: tuple[str, ...] = ()) -> Emulator:
    """Start an emulator whose files are in `folder`, and wait until it answers.

    Raises:
        PermanentFailure: it ended at once.
        ExternalServiceUnavailable: it did not answer, or its environment could not be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    admin = make_key(folder, "administrator", "only-in-the-sandbox")
    with processes.listening() as listening:
        emulator = launch(folder, admin, listening, s3_endpoint=s3_endpoint, data=data, more=more)
    emulator.await_answer()
    return emulator


def launch(
    folder: Path,
    admin: KeyPair,
    listening: socket.socket,
    *,
    s3_endpoint: str = "",
    s3_keys: AwsKeys = OPEN_BUCKET,
    data: Path | None = None,
    more: tuple[str, ...] = (),
) -> Emulator:
    """Start the process at a socket that listens already, without waiting; `data` keeps the databases for the next one.

    Raises:
        PermanentFailure: it ended at once.
        ExternalServiceUnavailable: its environment could not be made.
    """
    python = environment()
    public, log = folder / "administrator.pub", folder / "emulator.log"
    public.write_text(admin.public, encoding="ascii")
    shutil.rmtree(folder / STAGED, ignore_errors=True)  # of one that was killed
    (folder / STAGED).mkdir(parents=True)
    command = [str(python), "-m", "emulator", "--fd", str(listening.fileno())]
    command += ["--account", ACCOUNT, "--admin", f"{ADMIN}={public}"]
    command += ["--s3-endpoint", s3_endpoint, *(["--data", str(data.absolute())] if data else []), *more]
    # fakesnow keeps what is sent to a stage in a temporary folder, for ever. An account's clock is UTC everywhere.
    environment_ = {
        **_plain_environment(),
        "TMPDIR": str((folder / STAGED).absolute()),
        "TZ": "UTC",
        "EMULATOR_TOKEN": admin.passphrase,
        "EMULATOR_S3_KEY_ID": s3_keys.access_key_id,
        "EMULATOR_S3_SECRET": s3_keys.secret_access_key,
    }
    child = processes.start(command, log=log, folder=HERE, environment=environment_, sockets=[listening])
    process = processes.find(child.pid)
    if process is None:
        raise PermanentFailure(f"Snowflake emulator: it ended at once:\n{processes.tail(log)}")
    return Emulator(processes.port_of(listening), process, admin, folder, child)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_emulator/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
