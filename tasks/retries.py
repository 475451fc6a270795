"""The one place that decides what is worth a retry, and says so; refuses to repeat what would fail again."""

from __future__ import annotations

import random
from typing import Any, TypedDict

from prefect import get_run_logger
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
    if not isinstance(error, ShelfgateError) or not error.retryable:
        return False
    attempt, delays = max(task_run.run_count, 1), task.retry_delay_seconds
    pause = delays[min(attempt, len(delays)) - 1]
    get_run_logger().warning(
        "%s failed, attempt %d of %d: %s Next attempt in %.0f s.", task.name, attempt, task.retries + 1, error, pause
    )
    return True


def say_last_attempt(task: Any, task_run: Any, state: Any) -> None:
    """Have the message that ends the run say how often it was tried."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, ShelfgateError) and error.retryable:
        error.add_note(f"{task.name} was attempted {task_run.run_count} times.")


def if_engine_failed(task: Any, task_run: Any, state: Any) -> bool:
    """Once more on a file that is opened anew: what DuckDB meets inside itself is rare, and seldom comes twice."""
    return isinstance(state.result(raise_on_failure=False), EngineFailed) and task_run.run_count <= 1


class _Retrying(TypedDict):
    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: Any
    on_failure: list[Any]
    cache_policy: Any


class _Once(TypedDict):
    retries: int
    retry_condition_fn: Any
    cache_policy: Any


# 5 + 30 + 120 s bridges a restart of Airbyte's API or a failover of RDS (60..120 s); more is somebody's decision. The
# jitter is a process's own: Prefect's, drawn after the condition is asked, could not be told beforehand.
EXTERNAL_CALL = _Retrying(
    retries=3,
    retry_delay_seconds=[seconds * random.uniform(0.7, 1.3) for seconds in (5, 30, 120)],
    retry_condition_fn=unless_permanent,
    on_failure=[say_last_attempt],
    cache_policy=NO_CACHE,
)

# A gate judges the data as they are; a build or a publication answers for itself. None of them gets better by waiting.
# The one retry is for an engine that failed, and for nothing else.
ONCE = _Once(retries=1, retry_condition_fn=if_engine_failed, cache_policy=NO_CACHE)
