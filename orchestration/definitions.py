"""Everything that Dagster loads: assets, checks, jobs, the schedule, sensors, resources."""

import dagster as dg

from assets.cleaning import assets as cleaning
from assets.erasure import assets as erasure
from assets.evaluation import assets as evaluation
from assets.explanations import assets as explanations
from assets.features import assets as features
from assets.ingest import assets as ingest
from assets.lists import assets as lists
from assets.models import assets as models
from assets.publication import assets as publication
from orchestration.jobs import daily, daily_schedule
from orchestration.resources import WorkspaceResource
from orchestration.sensors import landing_sensor, webhook_on_failure

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(
        [
            erasure,
            ingest,
            cleaning,
            features,
            evaluation,
            models,
            lists,
            explanations,
            publication,
        ]
    ),
    jobs=[daily],
    schedules=[daily_schedule],
    sensors=[landing_sensor, webhook_on_failure],
    resources={"workspace": WorkspaceResource()},
    # As `daybreak run` does: a stage uses every core already, and a process of its own for each
    # asset would import torch and Spark's client thirty times.
    executor=dg.in_process_executor,
)
