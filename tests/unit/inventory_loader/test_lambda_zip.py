"""The deployable zip: the same bytes twice, small enough, and a handler that runs from it and AWS's runtime alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import inventory_loader
import pytest

from tests.contract.inventory.inventory_landing import FIRST, ONE, PREFIX, dump, s3_served

ROOT = Path(inventory_loader.__file__).parents[2]
RUN = """
import json, sys
folder, runtime = sys.argv[1:3]
sys.path += [folder, runtime]
from inventory_loader import handler
from inventory_loader.engines import snowflake as loader_engine, snowflake_login
import aws_lambda_powertools, boto3, cryptography.hazmat.bindings._rust, snowflake.connector
class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self): return 60_000
told = {"test": handler.handler({"Event": "s3:TestEvent"}, Context())}
batch = {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{", "attributes": {}}]}
told["batch"] = handler.handler(batch, Context())
for name, key in (("sound", "1998-01-02.csv"), ("absent", "1998-01-03.csv")):
    try:
        handler.handler({"object_key": sys.argv[3] + key, "version_id": None, "run_id": "r"}, Context())
    except Exception as error:
        told[name] = f"{type(error).__name__}: {error}"
told["from"] = sorted({m.__file__.split("/")[-4 if m is snowflake.connector else -3]
    for m in (handler, aws_lambda_powertools, snowflake.connector)})
told["duckdb"] = "duckdb" in sys.modules
print("TOLD", json.dumps(told))
"""


def builder() -> ModuleType:
    spec = spec_from_file_location("build_zip", ROOT / "lambda" / "build_zip.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["build_zip"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.proofs
def test_the_zip_is_reproducible_and_its_handler_runs_from_it_and_the_runtime_alone(tmp_path: Path) -> None:
    build_zip, uv = builder(), str(Path(sys.executable).parent / "uv")
    built = [build_zip.build(tmp_path / name, build_zip.THIS_MACHINE, uv) for name in ("one.zip", "two.zip")]

    assert built[0] == built[1]
    assert built[0][1] < 60_000_000
    names = zipfile.ZipFile(tmp_path / "one.zip").namelist()
    assert names == sorted(names)
    roots = {name.partition("/")[0] for name in names}
    assert not roots & {"boto3", "botocore", "duckdb", "shelfgate", "bin"}
    assert not [name for name in names if "duckdb" in name and name.startswith("inventory_loader/")]

    told = run(tmp_path / "one.zip", tmp_path)
    assert (told["test"], told["batch"]) == ({"receipts": []}, {"batchItemFailures": [{"itemIdentifier": "m"}]})
    assert told["sound"].startswith("ConfigurationError: SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, ")
    assert told["absent"].startswith("ObjectVanished: ")
    assert (told["from"], told["duckdb"]) == (["task"], False)


def run(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack the zip as Lambda does, and run its handler with what Lambda's runtime has beside it, and S3."""
    task, runtime = folder / "task", folder / "runtime"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(task)
    runtime.mkdir()
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"):
        (runtime / name).symlink_to(Path(boto3.__file__).parents[1] / name)
    with s3_served() as endpoint:
        environment = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SHELFGATE_TARGET": "snowflake",
            "SHELFGATE_S3_BUCKET": "landing-zip",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
        }
        client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="k", aws_secret_access_key="s")
        client.create_bucket(Bucket="landing-zip")
        client.put_object(Bucket="landing-zip", Key=PREFIX + "1998-01-02.csv", Body=dump({FIRST: ONE}))
        command = [sys.executable, "-I", "-S", "-B", "-c", RUN, str(task), str(runtime), PREFIX]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("TOLD ")[2])
