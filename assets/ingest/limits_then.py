"""The limits that a file was read with, which need not be today's."""

from assets.ingest.entry import Entry
from core.ingest_settings import IngestSettings, limits_digest


def limits_then(entry: Entry, settings: IngestSettings) -> IngestSettings | None:
    """Returns the settings in force when a file was taken in; None where nobody knows them.

    Args:
        entry: the file's; those from before limits were noted tell whether they were today's.
        settings: today's, for the mapping and for limits that there were none of then.
    """
    if not entry.limits:
        return settings if entry.settings_digest == limits_digest(settings) else None
    known = {x: limit for x, limit in entry.limits.items() if x in IngestSettings.model_fields}
    return IngestSettings.model_validate({**settings.model_dump(), **known})
