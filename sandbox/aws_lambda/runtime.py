"""Runs a Lambda function in AWS's own runtime client, one process kept warm; refuses to lend it this process's secrets.

Left out: a second process for a second event at the same time (it waits), the freezing of a process between two events,
and the quota on its temporary folder.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from sandbox.aws_lambda.events import Event, FunctionResponse, RuntimeApi
from shelfgate.errors import ConfigurationError

LOG_TAIL_BYTES = 4096
_WATCH_SECONDS = 0.02
# Not preexec_fn: Python code between fork and exec may deadlock among the threads of a server. The second look at the
# parent closes the gap between the child's start and its promise to end with it.
_START = """
import ctypes, os, runpy, sys
parent, handler = int(sys.argv[1]), sys.argv[2]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != parent:
    sys.exit("the stand-in has ended")
sys.argv = ["awslambdaric", handler]
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class LambdaConfig:
    """One function. `handler` is `module.function`; `environment` is all that it sees of the world outside."""

    function_name: str
    handler: str
    environment: dict[str, str]
    work_folder: Path
    timeout_seconds: float = 900
    memory_mb: int = 3008

    @property
    def region(self) -> str:
        return self.environment.get("AWS_DEFAULT_REGION", "us-east-1")

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:000000000000:function:{self.function_name}"

    @property
    def log_file(self) -> Path:
        return self.work_folder / f"{self.function_name}.log"


@dataclass(frozen=True)
class Outcome:
    """What one event led to. `failed`: the payload describes an error of the function, which AWS calls Unhandled."""

    request_id: str
    payload: bytes
    failed: bool
    log_tail: bytes


class LambdaRuntime:
    """The function's one process, started by the first event and by the first after one that ended it."""

    def __init__(self, config: LambdaConfig) -> None:
        """
        Raises:
            ConfigurationError: the runtime client is not installed.
        """
        if find_spec("awslambdaric") is None:
            raise ConfigurationError(
                "awslambdaric is not installed, so the inventory loader cannot run here (AWS builds it for Linux "
                "only). Install the extra `sandbox`."
            )
        self._config = config
        self._turn = threading.Lock()
        self._process: _Process | None = None
        self._closed = False
        # The child ends with the thread that started it, so that thread has to live as long as the runtime.
        self._starter = ThreadPoolExecutor(max_workers=1)
        (config.work_folder / "tmp").mkdir(parents=True, exist_ok=True)

    def invoke(self, payload: bytes) -> Outcome:
        """Hand one event over and wait for what comes of it, at most as long as the function may take."""
        request_id = str(uuid.uuid4())
        with self._turn:
            log_start = self._log(f"START RequestId: {request_id} Version: $LATEST")
            begun = time.monotonic()
            process = self._running_process()
            answer = process.handle(request_id, payload)
            took = (time.monotonic() - begun) * 1000
            self._log(
                f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {took:.2f} ms\t"
                f"Memory Size: {self._config.memory_mb} MB\tMax Memory Used: {process.most_memory_mb} MB"
            )
            return Outcome(request_id, answer.payload, answer.failed, self._log_tail(log_start))

    def close(self) -> None:
        """End the process; an event that it was handling fails."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        with self._turn:
            if self._process is not None:
                self._process.kill()
        self._starter.shutdown()

    def _running_process(self) -> _Process:
        if self._closed:
            raise ConfigurationError(f"the stand-in for {self._config.function_name} is closed.")
        if self._process is not None and self._process.has_ended:
            self._process.kill()
            self._process = None
        if self._process is None:
            self._process = self._starter.submit(_Process, self._config).result()
        return self._process

    def _log(self, line: str) -> int:
        """Write the platform's own line; the place in the file before it."""
        with self._config.log_file.open("ab") as log:
            place = log.seek(0, os.SEEK_END)
            log.write(f"{line}\n".encode())
            return place

    def _log_tail(self, since: int) -> bytes:
        with self._config.log_file.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since, end - LOG_TAIL_BYTES))
            return log.read()


class _Process:
    """One execution environment: the process and the Runtime API that serves it alone."""

    def __init__(self, config: LambdaConfig) -> None:
        self._config = config
        self._api = RuntimeApi()
        self.most_memory_mb = 0
        with config.log_file.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", _START, str(os.getpid()), config.handler],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=config.work_folder,
                env=_environment(config, self._api.address),
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def handle(self, request_id: str, payload: bytes) -> FunctionResponse:
        timeout = self._config.timeout_seconds
        deadline = time.monotonic() + timeout
        self._api.put(Event(request_id, payload, int((time.time() + timeout) * 1000), self._config.arn))
        while True:
            had_ended = self.has_ended
            try:
                answer = self._api.answers.get(timeout=0 if had_ended else _WATCH_SECONDS)
            except queue.Empty:
                if had_ended:
                    return self._failure(request_id, "Runtime.ExitError", self._why_ended())
                if time.monotonic() >= deadline:
                    self.kill()
                    return self._failure(request_id, "Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds")
                self._watch_memory()
                continue
            if answer.final:
                self.kill()
            if answer.request_id in (None, request_id):
                return answer

    def kill(self) -> None:
        """End the process and whatever it started."""
        if not self.has_ended:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        self._api.close()

    def _watch_memory(self) -> None:
        try:
            used = psutil.Process(self._popen.pid).memory_info().rss // 2**20
        except psutil.NoSuchProcess:
            return
        self.most_memory_mb = max(self.most_memory_mb, used)
        if used > self._config.memory_mb:
            self.kill()

    def _why_ended(self) -> str:
        status = self._popen.returncode
        if status < 0:
            return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
        return (
            f"Runtime exited with error: exit status {status}"
            if status
            else "Runtime exited without providing a reason"
        )

    def _failure(self, request_id: str, error_type: str, message: str) -> FunctionResponse:
        described = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        return FunctionResponse(request_id, json.dumps(described).encode(), failed=True)


def _environment(config: LambdaConfig, runtime_api: str) -> dict[str, str]:
    """What the process sees: the function's own variables, those that AWS sets, and where to find its packages."""
    beside = [p for p in sys.path if Path(p).is_absolute() and not p.startswith((sys.prefix, sys.base_prefix))]
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(config.work_folder / "tmp"),
        # Without one, ~ is the account's: boto3 would find the developer's own credentials there.
        "HOME": str(config.work_folder / "tmp"),
        "PYTHONPATH": os.pathsep.join(beside),
        **config.environment,
        "_HANDLER": config.handler,
        "LAMBDA_TASK_ROOT": str(config.work_folder),
        "AWS_REGION": config.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": config.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.function_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": config.log_file.name,
    }
    if sys.dont_write_bytecode:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment
