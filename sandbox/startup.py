"""Starts the parts of an estate, one after the other; refuses to leave half of one standing when a part fails."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox import home as homes
from sandbox import prefect_process, processes
from sandbox.airbyte.declared_environment import declared_environment
from sandbox.aws_signature import AwsKeys
from sandbox.home import Home, HomeIdentity, Running
from sandbox.processes import Process
from sandbox.sources import dump_bucket, postgres_server
from shelfgate.environment import given_setting
from shelfgate.errors import ExternalServiceUnavailable, PermanentFailure

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from sandbox.snowflake.sandbox_account import EstatesAccount

HOST = "127.0.0.1"
FUNCTION = "inventory-loader"
HANDLER = "inventory_loader.handler.handler"

# AWS's longest; a first load at scale 1 takes seconds, so a handler that meets this limit hangs.
LAMBDA_TIMEOUT_SECONDS = 900
LAMBDA_MEMORY_MB = 2048

# Prefect 3.8's server takes 15 s to stop once its services run; what it knows is in SQLite, which a kill does not hurt.
PREFECT_STOP_SECONDS = 2.0
APP_SECONDS = 30.0

log = logging.getLogger("sandbox")


@dataclass(frozen=True)
class RunningStack:
    """Everything that was started, as the rest of the estate knows it."""

    running: Running
    settings: dict[str, str]
    children: tuple[Process, ...]
    bucket: dump_bucket.LandingBucket


def start(home: Home, undo: ExitStack, warehouse: str | None = None) -> RunningStack:
    """Start all parts; `undo` ends those that were started, whether or not all could be.

    A Prefect server is a part only if PREFECT_API_URL names none. `warehouse`: of a home that has none yet.
    """
    identity = homes.read_identity(home) or HomeIdentity(warehouse=warehouse or "duckdb")
    homes.write_identity(home, identity)
    # The children first: they are prepared between fork and exec, which wants a process without threads.
    children: list[Process] = []
    prefect_api_url = given_setting("PREFECT_API_URL")
    own_prefect = not prefect_api_url
    if not prefect_api_url:
        with processes.listening(identity.ports.get("prefect")) as listening:
            prefect_api_url = f"http://{HOST}:{processes.port_of(listening)}/api"
            children.append(prefect_process.start(home, identity, listening))
        undo.callback(processes.end, children[0], PREFECT_STOP_SECONDS)
    s3_socket = undo.enter_context(processes.listening(identity.ports.get("s3")))
    account = _start_snowflake(home, identity, f"http://{HOST}:{processes.port_of(s3_socket)}", undo)
    children += [account.emulator.process] if account else []
    server = postgres_server.start(
        home.sandbox / "postgres",
        password=identity.postgres_password,
        preferred_port=identity.ports.get("postgres"),
    )
    undo.callback(server.stop)
    children.append(server.process)
    bucket = dump_bucket.LandingBucket(
        home.objects, AwsKeys(identity.aws_access_key_id, identity.aws_secret_access_key)
    )
    undo.callback(bucket.stop)
    s3_endpoint = bucket.start(s3_socket)
    if account:
        account.set_up()
    airbyte = _start_airbyte(home, identity, server.dsn, account, undo)
    lambda_url = _start_lambda(home, identity, s3_endpoint, account, undo)
    daemon = processes.find(os.getpid())
    assert daemon is not None, "it runs this line"
    running = Running(
        pid=daemon.pid,
        started=daemon.started,
        postgres_dsn=server.dsn,
        s3_endpoint=s3_endpoint,
        bucket=dump_bucket.BUCKET,
        airbyte_url=airbyte,
        lambda_url=lambda_url,
        prefect_api_url=prefect_api_url,
        children=[(child.pid, child.started) for child in children],
        snowflake=account.address if account else None,
    )
    homes.write_identity(home, replace(identity, ports=_ports(running)))
    settings = _settings(identity, running, account)
    if own_prefect:
        settings["PREFECT_API_AUTH_STRING"] = identity.prefect_auth_string
    return RunningStack(running, settings, tuple(children), bucket)


def _start_snowflake(home: Home, identity: HomeIdentity, s3_endpoint: str, undo: ExitStack) -> EstatesAccount | None:
    """The account of a home whose warehouse is one. It starts while others do; `set_up` waits for it."""
    if identity.warehouse != "snowflake":
        return None
    from sandbox.snowflake.sandbox_account import start as start_account

    account = start_account(home, identity, s3_endpoint)
    undo.callback(account.emulator.stop)
    return account


def _start_airbyte(
    home: Home, identity: HomeIdentity, dsn: str, account: EstatesAccount | None, undo: ExitStack
) -> str:
    from sandbox.airbyte.api_server import BASE_PATH, AirbyteConfig, airbyte_app
    from sandbox.airbyte.snowflake_destination import SnowflakeDestination

    state = home.sandbox / "airbyte"
    config = AirbyteConfig(
        postgres_dsn=dsn,
        warehouse=home.warehouse,
        account=SnowflakeDestination(account.airbytes_warehouse(), state) if account else None,
        state_folder=state,
        client_id=identity.airbyte_client_id,
        client_secret=identity.airbyte_client_secret,
        connection_id=identity.airbyte_connection_id,
    )
    return _serve_app("airbyte", airbyte_app(config), identity, undo) + BASE_PATH


def _start_lambda(
    home: Home, identity: HomeIdentity, s3_endpoint: str, account: EstatesAccount | None, undo: ExitStack
) -> str:
    from sandbox.aws_lambda.invoke_server import LambdaConfig, lambda_app

    on_duckdb = {"SHELFGATE_TARGET": "duckdb", "SHELFGATE_DUCKDB_PATH": str(home.warehouse)}
    config = LambdaConfig(
        function_name=FUNCTION,
        handler=HANDLER,
        environment={
            **(account.loader_environment() if account else on_duckdb),
            "SHELFGATE_S3_BUCKET": dump_bucket.BUCKET,
            "SHELFGATE_S3_PREFIX": dump_bucket.PREFIX,
            "AWS_ENDPOINT_URL_S3": s3_endpoint,
            "AWS_ACCESS_KEY_ID": identity.aws_access_key_id,
            "AWS_SECRET_ACCESS_KEY": identity.aws_secret_access_key,
            "AWS_DEFAULT_REGION": dump_bucket.REGION,
        },
        work_folder=home.sandbox / "lambda",
        timeout_seconds=LAMBDA_TIMEOUT_SECONDS,
        memory_mb=LAMBDA_MEMORY_MB,
    )
    keys = AwsKeys(identity.aws_access_key_id, identity.aws_secret_access_key)
    return _serve_app("lambda", lambda_app(config, keys), identity, undo)


def _serve_app(name: str, app: Starlette, identity: HomeIdentity, undo: ExitStack) -> str:
    """Serve the application in a thread of this process; its lifespan ends with `undo`."""
    import uvicorn

    listening = processes.listening(identity.ports.get(name))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=5)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name=name, daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(APP_SECONDS)
        if thread.is_alive():
            log.error("the %s stand-in did not stop within %.0f s; it ends with this process", name, APP_SECONDS)
        listening.close()

    undo.callback(stop)
    deadline = time.monotonic() + APP_SECONDS
    while not server.started:
        if not thread.is_alive():
            raise PermanentFailure(f"the {name} stand-in ended while starting; the reason is in the log above")
        if time.monotonic() >= deadline:
            raise ExternalServiceUnavailable(f"the {name} stand-in was not ready after {APP_SECONDS:.0f} s")
        time.sleep(0.01)
    return f"http://{HOST}:{processes.port_of(listening)}"


def _ports(running: Running) -> dict[str, int]:
    addresses = {
        "postgres": running.postgres_dsn,
        "s3": running.s3_endpoint,
        "airbyte": running.airbyte_url,
        "lambda": running.lambda_url,
        "prefect": running.prefect_api_url,
        "snowflake": running.snowflake or "",
    }
    ports = {part: urlsplit(address).port for part, address in addresses.items()}
    return {part: port for part, port in ports.items() if port is not None}


def _settings(identity: HomeIdentity, running: Running, account: EstatesAccount | None) -> dict[str, str]:
    """What production code is told, in the names it reads in production too."""
    from sandbox.airbyte.api_server import workspace_of

    return {
        **(account.settings() if account else {"SHELFGATE_TARGET": "duckdb"}),
        "SHELFGATE_SOURCE_DSN": running.postgres_dsn,
        "SHELFGATE_AIRBYTE_URL": running.airbyte_url,
        "SHELFGATE_AIRBYTE_CLIENT_ID": identity.airbyte_client_id,
        "SHELFGATE_AIRBYTE_CLIENT_SECRET": identity.airbyte_client_secret,
        "SHELFGATE_AIRBYTE_CONNECTION_ID": identity.airbyte_connection_id,
        "SHELFGATE_AIRBYTE_WORKSPACE_ID": workspace_of(identity.airbyte_connection_id),
        **declared_environment(running.postgres_dsn),
        "SHELFGATE_S3_BUCKET": running.bucket,
        "SHELFGATE_S3_PREFIX": dump_bucket.PREFIX,
        "SHELFGATE_LAMBDA_FUNCTION": FUNCTION,
        "AWS_ENDPOINT_URL_S3": running.s3_endpoint,
        "AWS_ENDPOINT_URL_LAMBDA": running.lambda_url,
        "AWS_ACCESS_KEY_ID": identity.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": identity.aws_secret_access_key,
        "AWS_DEFAULT_REGION": dump_bucket.REGION,
        "PREFECT_API_URL": running.prefect_api_url,
    }
