"""Great Expectations, loaded late (its import takes seconds) and without a call home."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

from core.main_module import main_with_file


def load() -> Any:
    """Returns the great_expectations module with analytics off.

    Its import warns of modules that Python deprecates; those warnings are not ours to mend.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings(), main_with_file():
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.expectations  # makes the submodule an attribute
    return great_expectations


def open_context(docs_sites: Mapping[str, Any] | None = None) -> Any:
    """Returns an ephemeral context: in memory, without progress bars, sites or analytics.

    Args:
        docs_sites: Data Docs sites to build, by name, in Great Expectations' own configuration.
    """
    gx = load()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites=dict(docs_sites or {}),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)
