"""The shapes of all answers, said once: the OpenAPI document is made of them.

The hot path joins its answers from bytes that lie ready; tests hold those equal to these.
"""

from typing import Annotated, Literal

import msgspec

from serving.layout import MAX_COUNT

Rung = Literal["personal", "session", "segment", "trending"]
"""Where a row comes from: `columns.RUNGS`, which a test holds equal."""
Id = Annotated[str, msgspec.Meta(min_length=1)]
Rank = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all of them have in common: their fields are these and no others."""


class Reason(Answer, frozen=True):
    """Why an item is on the list.

    Attributes:
        type: the kind of reason, such as `same_theme`, `popular`, `trending` or `just_seen`.
        source_item_id: the item that it refers to, if any.
        text: one sentence for people.
        origin: who wrote the sentence, such as `template`.
    """

    type: str
    source_item_id: Id | None
    text: str
    origin: str


class ListedItem(Answer, frozen=True):
    """One row of a list.

    Attributes:
        item_id: the item.
        title: its title, as far as one is known.
        rank: its place, from 1.
        score: how well it fits; comparable within one rung of one answer only.
        rung: where the row comes from.
        reason: why it is there.
    """

    item_id: Id
    title: str | None
    rank: Rank
    score: float
    rung: Rung
    reason: Reason


class Recommendations(Answer, frozen=True):
    """One user's list.

    Attributes:
        user_id: whose list, trimmed and in Unicode's form NFC.
        release: the release that it comes from.
        age_seconds: time since that release was published.
        rung: the highest rung among the rows.
        experiment: the experiment that the user takes part in, if any.
        items: the rows, best first; fewer than asked for only where no rung has more.
    """

    user_id: Id
    release: str
    age_seconds: Seconds
    rung: Rung
    experiment: str | None
    items: Annotated[list[ListedItem], msgspec.Meta(max_length=MAX_COUNT)]


class Neighbour(Answer, frozen=True):
    """An item that is like another.

    Attributes:
        item_id: the item.
        title: its title, as far as one is known.
        rank: its place, from 1.
        score: how alike they are; comparable within one answer only.
    """

    item_id: Id
    title: str | None
    rank: Rank
    score: float


class Similar(Answer, frozen=True):
    """The items that are most like another.

    Attributes:
        item_id: the item that was asked about.
        release: the release that the rows come from.
        age_seconds: time since that release was published.
        items: the rows, most alike first; none where nothing is known.
    """

    item_id: Id
    release: str
    age_seconds: Seconds
    items: Annotated[list[Neighbour], msgspec.Meta(max_length=MAX_COUNT)]


class EventsAccepted(Answer, frozen=True):
    """Events that are on the disk.

    Attributes:
        accepted: how many there were.
        event_ids: their ids, in the order in which they were posted.
    """

    accepted: Annotated[int, msgspec.Meta(ge=1)]
    event_ids: list[Id]


class Health(Answer, frozen=True):
    """The process answers.

    Attributes:
        status: `ok`.
    """

    status: Literal["ok"] = "ok"


class Ready(Answer, frozen=True):
    """A verified release is served.

    Attributes:
        status: `ready`.
        release: its id.
    """

    status: Literal["ready"]
    release: str


class ProblemDocument(Answer, frozen=True):
    """What is said instead of an answer (RFC 9457).

    Attributes:
        type: what stands for the problem, `urn:daybreak:problem:` and its name.
        title: the problem in two or three words.
        status: the HTTP status.
        detail: what is wrong with this request and what to do, for people.
        parameter: the parameter or field at fault, where it is one.
        index: the posted event at fault, from 0, where it is one.
    """

    type: Annotated[str, msgspec.Meta(pattern="^urn:daybreak:problem:[a-z-]+$")]
    title: str
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: str
    parameter: str | msgspec.UnsetType = msgspec.UNSET
    index: Annotated[int, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
