"""What Data Docs are made of: a suite and its result as JSON, without anything that varies."""

import json
import re
from datetime import datetime
from typing import Any

_RANDOM = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})\b"
)
_VARYING = {"exception_traceback": "", "ge_load_time": "", "great_expectations_version": ""}


def page_of(suite: Any, result: Any, run_at: datetime) -> dict[str, Any]:
    """Returns one suite and its validation result as JSON values: suite, result, run_at.

    Random ids become numbers; load times, and tracebacks with this machine's paths, go.
    """
    spelled = json.dumps({"suite": suite.to_json_dict(), "result": result.to_json_dict()})
    page = _without_varying(json.loads(without_random_ids(spelled)))
    page["suite"]["id"] = None
    return {**page, "run_at": run_at.isoformat()}


def without_random_ids(text: str) -> str:
    """Returns a text with its UUIDs and 32-digit hashes numbered in order of appearance.

    >>> without_random_ids("id 6f1ed002ab5595859014ebf0951522d9.")
    'id 00000000000000000000000000000000.'
    """
    seen: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        shape = "00000000-0000-0000-0000-{:012}" if "-" in found[0] else "{:032}"
        return seen.setdefault(found[0], shape.format(len(seen)))

    return _RANDOM.sub(number, text)


def _without_varying(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _VARYING.get(k, _without_varying(v)) for k, v in value.items()}
    return [_without_varying(entry) for entry in value] if isinstance(value, list) else value
