"""The golden path as one job, and when it runs."""

import dagster as dg

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="From the landing zone to a published release, for one as-of date.",
    tags={"daybreak/path": "golden"},
)

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily,
    hour_of_day=2,
    minute_of_hour=0,
    name="daily_at_two",
    description="02:00 UTC; on the 17th it runs the as-of date 17, all events before 17 00:00.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
