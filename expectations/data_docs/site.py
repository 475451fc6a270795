"""Data Docs: evidence on disk and the site over it; refuses to keep configuration files of Great Expectations' own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.data_docs.code_verdicts import write_pages
from expectations.data_docs.run_history import EVIDENCE, prune, runs_newest_first

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

# A run leaves 13 pages, 0.5 MB with its evidence: 30 runs are a month of days. ops.gate_result keeps them all.
KEEP_RUNS = 30

_LOGGER = logging.getLogger(__name__)


def context_for(folder: Path) -> EphemeralDataContext:
    """A context that writes nothing but validation results and the site, below `folder`."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    defaults = InMemoryStoreBackendDefaults()
    defaults.stores["validation_results_store"] = {
        "module_name": "expectations.data_docs.results_store",
        "class_name": "ValidationResultsStore",
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str((folder / EVIDENCE).absolute()),
        },
    }
    config = DataContextConfig(
        store_backend_defaults=defaults,
        data_docs_sites={},
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    # It lives in memory and has nowhere to be saved, but writes itself out as YAML at every asset: 5 ms a suite.
    context._save_project_config = lambda: None
    return context


def build(
    folder: Path, run_id: str | None = None, *, keep: int = KEEP_RUNS, warn: Callable[[str], None] = _LOGGER.warning
) -> Path:
    """Build the pages of one run (or, without one, of all evidence that is kept) and the index over all pages.

    Only the newest `keep` runs stay on disk. The cost of one run's pages does not grow with the history. A page that
    cannot be made is left out, and `warn` is given one line about it.
    """
    from expectations.data_docs.renderers import write_evidence_pages, write_index

    store = context_for(folder).validation_results_store
    prune(folder, keep)
    for run in [run_id] if run_id else runs_newest_first(folder):
        write_pages(folder, run)
    write_evidence_pages(folder, store, run_id, warn)
    return write_index(folder)
