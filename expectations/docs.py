"""Data Docs: evidence on disk and the site over it; refuses to keep configuration files of Great Expectations' own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

# 200 runs took 6 s of CPU to rebuild; the site shows the newest ones, ops.gate_result keeps them all.
RESULTS_ON_THE_INDEX = 60


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
        "module_name": "expectations.evidence_store",
        "class_name": "ValidationResultsStore",
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str((folder / ".evidence").absolute()),
        },
    }
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())},
        "site_index_builder": {
            "class_name": "DefaultSiteIndexBuilder",
            "validation_results_limit": RESULTS_ON_THE_INDEX,
        },
    }
    config = DataContextConfig(
        store_backend_defaults=defaults,
        data_docs_sites={"gates": site},
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def build(folder: Path, run_id: str | None = None) -> Path:
    """Build the pages of one run (or, without one, of all evidence that is kept) and the index over all pages.

    One run's pages take 0.4 s of CPU; all of them grow with the history.
    """
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier

    context = context_for(folder)
    kept = [k for k in context.validation_results_store.list_keys() if isinstance(k, ValidationResultIdentifier)]
    pages = [key for key in kept if run_id in (None, key.run_id.run_name)]
    context.build_data_docs(resource_identifiers=pages)
    return folder / "index.html"
