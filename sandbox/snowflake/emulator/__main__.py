"""Serves one emulated account on 127.0.0.1 until it is told to end; refuses any other address."""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time
from pathlib import Path

import uvicorn

from .http_server import Wire
from .server_state import ServerState
from .sql import fakesnow_patches


def main() -> None:
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="a socket of 127.0.0.1 that listens")
    parser.add_argument("--account", default="EMULATED")
    parser.add_argument(
        "--admin", required=True, metavar="NAME=FILE", help="first user and their public key (base64 DER)"
    )
    parser.add_argument("--s3-endpoint", default="", help="where stages with an s3:// address are read")
    parser.add_argument(
        "--issuer", action="append", default=[], metavar="URL=FILE", help="OIDC issuer and its key (PEM)"
    )
    parser.add_argument("--idle-seconds", type=float, default=300.0, help="an idle transaction that blocks is aborted")
    parser.add_argument("--data", type=Path, help="keep the databases there; without it they end with this process")
    asked = parser.parse_args()
    fakesnow_patches.apply()
    if asked.data:
        asked.data.mkdir(parents=True, exist_ok=True)
    s3_keys = os.environ["EMULATOR_S3_KEY_ID"], os.environ["EMULATOR_S3_SECRET"]
    estate = ServerState(asked.account, asked.s3_endpoint, s3_keys, asked.idle_seconds, asked.data)
    name, _, file = asked.admin.partition("=")
    estate.account.objects["USER", name.upper()] = {
        "TYPE": "SERVICE",
        "RSA_PUBLIC_KEY": Path(file).read_text(encoding="ascii"),
        "DEFAULT_ROLE": "ACCOUNTADMIN",
    }
    for role in ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN"):
        estate.account.grants.add(("USAGE", f"ROLE {role}", "USER", name.upper()))
    issuers = dict(one.partition("=")[::2] for one in asked.issuer)
    keys = {url: Path(key).read_text(encoding="ascii") for url, key in issuers.items()}
    wire = Wire(estate, keys, token=os.environ["EMULATOR_TOKEN"])
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    config = uvicorn.Config(wire.app(), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=asked.fd)])


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


if __name__ == "__main__":
    main()
