"""The one place that decides what is worth a retry; refuses to repeat what would fail again."""

from __future__ import annotations

from typing import Any, TypedDict

from prefect.cache_policies import NO_CACHE

from shelfgate import interruption
from shelfgate.errors import EngineFailed, ShelfgateError


def unless_permanent(task: Any, task_run: Any, state: Any) -> bool:
    """Retry only what its own error class calls worth it; an error that we did not foresee is a defect, not weather.

    Nothing is retried in a process that was asked to end.
    """
    if interruption.requested() is not None:
        return False
    error = state.result(raise_on_failure=False)
    if isinstance(error, EngineFailed):
        return if_engine_failed(task, task_run, state)
    return isinstance(error, ShelfgateError) and error.worth_a_retry


def if_engine_failed(task: Any, task_run: Any, state: Any) -> bool:
    """Once more on a file that is opened anew: what DuckDB meets inside itself is rare, and seldom comes twice."""
    return isinstance(state.result(raise_on_failure=False), EngineFailed) and task_run.run_count <= 1


class _Retrying(TypedDict):
    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any
    cache_policy: Any


class _Once(TypedDict):
    retries: int
    retry_condition_fn: Any
    cache_policy: Any


# 5 + 30 + 120 s bridges a restart of Airbyte's API or a failover of RDS (60..120 s); more is somebody's decision.
OUTSIDE_CALL = _Retrying(
    retries=3,
    retry_delay_seconds=[5, 30, 120],
    retry_jitter_factor=0.3,
    retry_condition_fn=unless_permanent,
    cache_policy=NO_CACHE,
)

# A gate judges the data as they are; a build or a publication answers for itself. None of them gets better by waiting.
# The one retry is for an engine that failed, and for nothing else.
ONCE = _Once(retries=1, retry_condition_fn=if_engine_failed, cache_policy=NO_CACHE)
