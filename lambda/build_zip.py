"""`make lambda-zip`: packs the loader and what it imports for AWS Lambda; refuses what uv.lock does not name by hash.

The same sources and lock give the same bytes. boto3 and what comes with it lie in the runtime and are left out; so is
DuckDB, for the zip speaks to Snowflake.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = "inventory_loader"
LIMIT_BYTES = 60_000_000
"""Unzipped. AWS takes 250 MB; a cold start reads all of it."""

IN_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
FOR_DUCKDB = ("engines/duckdb.py", "engines/duckdb_staging.py")

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = ("__pycache__", ".pyc", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock")


@dataclass(frozen=True)
class Platform:
    """Where the zip runs, in uv's words; None is this machine and this Python."""

    machine: str | None = "aarch64-manylinux_2_28"
    python: str | None = "3.12"

    @property
    def options(self) -> list[str]:
        chosen = [("--python-platform", self.machine), ("--python-version", self.python)]
        return [part for option, value in chosen if value is not None for part in (option, value)]


THIS_MACHINE = Platform(None, None)


def build(target: Path, platform: Platform, uv: str = "uv") -> tuple[str, int]:
    """Write the zip; answers with its SHA-256 and its unzipped bytes.

    Raises:
        SystemExit: uv failed, or the content is over the limit.
    """
    with tempfile.TemporaryDirectory() as work:
        requirements, packages = Path(work) / "requirements.txt", Path(work) / "packages"
        left_out = [part for name in IN_THE_RUNTIME for part in ("--no-emit-package", name)]
        export = [uv, "export", "--frozen", "--quiet", "--only-group", "lambda-zip", "--no-emit-project", "--no-header"]
        _run([*export, *left_out, "--output-file", str(requirements)])
        # --no-config: the project's constraints carry no hashes, and the lock has heeded them already.
        install = [uv, "pip", "install", "--no-config", "--quiet", "--no-deps", "--require-hashes"]
        install += ["--only-binary", ":all:", "--link-mode", "copy", "--python", sys.executable, *platform.options]
        _run([*install, "--target", str(packages), "--requirements", str(requirements)])
        files = dict(sorted([*_files(packages), *_own_files()]))
        size = sum(path.stat().st_size for path in files.values())
        if size > LIMIT_BYTES:
            raise SystemExit(
                f"lambda zip: {size:,} bytes unzipped; wanted at most {LIMIT_BYTES:,}. Nothing was written."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, files)
    return hashlib.sha256(target.read_bytes()).hexdigest(), size


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603  (constants and a path of ours)
    if done.returncode:
        raise SystemExit(f"lambda zip: {' '.join(command[:3])} failed:\n{done.stderr}\nNothing was written.")


def _own_files() -> Iterator[tuple[str, Path]]:
    package = HERE / PACKAGE
    for path in (*package.rglob("*.py"), *package.rglob("*.json")):
        name = path.relative_to(package).as_posix()
        if name not in FOR_DUCKDB:
            yield f"{PACKAGE}/{name}", path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        # Scripts name the interpreter that installed them; the function has no shell to call them from.
        if path.is_file() and not name.startswith("bin/") and not any(part.endswith(_LEFT_OUT) for part in path.parts):
            yield name, path


def _write(target: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(prog="make lambda-zip", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist" / "inventory-loader.zip")
    parser.add_argument("--uv", default="uv", help="the uv to ask")
    arguments = parser.parse_args()
    digest, size = build(arguments.to, Platform(), arguments.uv)
    zipped = arguments.to.stat().st_size
    sys.stdout.write(f"{arguments.to}: {zipped / 1e6:.1f} MB, {size / 1e6:.1f} MB unzipped, sha256 {digest}\n")


if __name__ == "__main__":
    main()
