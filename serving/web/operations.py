"""Every operation that the server offers: what it takes and what it may answer, said once."""

from dataclasses import dataclass
from typing import Any, Literal

from core.ids import MAX_ID_BYTES
from core.intake_settings import IntakeSettings
from serving.intake.event import Batch, Event
from serving.layout import MAX_COUNT
from serving.session_blend import MAX_SEEDS
from serving.web.answer_types import Answer, EventsAccepted, Health, Ready, Recommendations, Similar
from serving.web.parameters import DEFAULT_COUNT, MAX_GENRES


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation.

    Attributes:
        name: as it is spelt.
        description: what it means, and what it takes beyond its schema.
        schema: the JSON Schema of its value.
        place: `path` or `query`.
        is_required: whether there is no answer without it.
    """

    name: str
    description: str
    schema: dict[str, Any]
    place: Literal["path", "query"] = "query"
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        path: with its parameters in braces.
        name: what a generated client calls it.
        summary: what it answers.
        answer: the shape of a good answer in JSON; None for another media type.
        refusals: the statuses of the problems that it may answer with, but for 500.
        parameters: what it takes.
        media_type: of a good answer.
        is_open: whether it needs no token where tokens are on.
        method: in small letters, as the document has it.
        status: of a good answer.
        posted: the shapes of which the body may be one, and `list[…]` of them.
        body: what the body is, for people.
    """

    path: str
    name: str
    summary: str
    answer: type[Answer] | None
    refusals: tuple[int, ...]
    parameters: tuple[Parameter, ...] = ()
    media_type: str = "application/json"
    is_open: bool = False
    method: Literal["get", "post"] = "get"
    status: int = 200
    posted: tuple[Any, ...] = ()
    body: str = ""


# A letter that `str.strip` leaves: it takes more than JavaScript's `\s`, but for U+FEFF.
_NOT_BLANK = r"[^\s\u001c-\u001f\u0085]|\uFEFF"
_ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES, "pattern": _NOT_BLANK}
_ID_RULE = f"not blank, and at most {MAX_ID_BYTES} bytes of UTF-8"
_INTAKE = IntakeSettings()
_COUNT = Parameter(
    "count", "How many rows.",
    {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": DEFAULT_COUNT},
)  # fmt: skip


def _names(most: int) -> dict[str, Any]:
    # A comma within a name can't be told from one between two, percent or not.
    return {"type": "array", "items": {"type": "string", "pattern": "^[^,]*$"}, "maxItems": most}


OPERATIONS = (
    Operation(
        "/v1/recommendations", "getRecommendations",
        "One user's list; whoever is not known gets what is trending.",
        Recommendations, (400, 401, 403, 429, 503),
        (
            Parameter("user_id", f"Whose list: {_ID_RULE}.", _ID, is_required=True),
            _COUNT,
            Parameter("genres", "Genres to draw on where the personal list falls short, separated "
                      "by commas; they replace the preferences that the user has stated. Unknown "
                      "ones do not count.", _names(MAX_GENRES)),
            Parameter("session", "Items that the user has just looked at, separated by commas, "
                      "the last one last. What is like them moves up, they themselves leave the "
                      "list. Unknown ones do not count.", _names(MAX_SEEDS)),
        ),
    ),
    Operation(
        "/v1/items/{item_id}/similar", "getSimilarItems", "The items that are most like another.",
        Similar, (400, 401, 404, 429, 503),
        (
            Parameter("item_id", f"The item: {_ID_RULE}; a slash in it as `%2F`.", _ID,
                      place="path", is_required=True),
            _COUNT,
        ),
    ),
    Operation(
        "/v1/events", "postEvents", "Takes in what users did, and answers once it is on the disk.",
        EventsAccepted, (400, 401, 403, 408, 413, 415, 429, 503), method="post", status=202,
        posted=(Event, list[Event], Batch),
        body="One event or several, which are stored all or not at all. At most "
        f"{_INTAKE.max_batch:,} events and {_INTAKE.max_body_bytes:,} bytes unless the server's "
        f"[intake] says otherwise. User, item and event ids are {_ID_RULE}.",
    ),
    Operation("/healthz", "getHealth", "Whether the process answers.", Health, (), is_open=True),
    Operation(
        "/readyz", "getReadiness", "Whether a verified release is served.", Ready, (503,),
        is_open=True,
    ),
    Operation(
        "/metrics", "getMetrics", "What the server counts, in Prometheus' text format.", None,
        (401, 403, 429, 503), media_type="text/plain",
    ),
    Operation(
        "/openapi.json", "getDescription", "This document.", None, (429, 503), is_open=True,
    ),
    Operation(
        "/", "getInspector", "A page for people.", None, (401, 403, 429, 503),
        media_type="text/html",
    ),
)  # fmt: skip
