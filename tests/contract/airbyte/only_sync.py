"""A flow of nothing but the sync: `python -m tests.contract.airbyte.only_sync ID` is a process that a test may kill."""

from __future__ import annotations

import sys
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow

from shelfgate.settings import Settings
from tasks.airbyte_sync import sync


@flow(name="only-sync", persist_result=False)
def only_sync() -> int:
    return sync(Settings.load()).job_id


def carry_on(flow_run_id: UUID) -> int:
    """Run an existing flow run, as a worker does."""
    found = run_flow(only_sync, flow_run=get_client(sync_client=True).read_flow_run(flow_run_id))
    assert isinstance(found, int)
    return found


if __name__ == "__main__":
    carry_on(UUID(sys.argv[1]))
