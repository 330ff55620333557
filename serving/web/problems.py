"""What is said instead of an answer: RFC 9457 problem documents."""

from dataclasses import dataclass

import msgspec

from serving.web.answer_types import ProblemDocument
from serving.web.response_headers import COMMON

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: ("invalid-parameter", "Invalid parameter"),
    401: ("invalid-token", "No valid token"),
    403: ("forbidden", "Forbidden"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("too-slow", "Request too slow"),
    413: ("too-large", "Body too large"),
    415: ("unsupported-media-type", "Unsupported media type"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal-error", "Internal error"),
    501: ("not-installed", "Not installed"),
    503: ("no-release", "No release to serve"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document.

    Attributes:
        status: the HTTP status, one of those above.
        detail: what is wrong with this request and what to do, for people.
        parameter: the query parameter, or the field of an event, at fault, where it is one.
        index: the place of the event at fault in what was posted, from 0.
        kind: what stands for the problem in its `type`; the status's own where it is None.
        title: the problem in two or three words; the status's own where it is None.
        challenge: what a token lacks, for the header `WWW-Authenticate` (RFC 6750).
        allow: the methods that are served, for the header `Allow`.
        retry_after: seconds after which it is worth coming again; 5 with every 503.
    """

    status: int
    detail: str
    parameter: str | None = None
    index: int | None = None
    kind: str | None = None
    title: str | None = None
    challenge: str | None = None
    allow: str | None = None
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers."""
        headers = {"content-type": MEDIA_TYPE, **dict(COMMON)}
        if self.retry_after is not None or self.status == 503:
            headers["retry-after"] = str(self.retry_after or 5)
        if self.allow is not None:
            headers["allow"] = self.allow
        if self.challenge is not None:
            headers["www-authenticate"] = self.challenge
        return headers

    def to_bytes(self) -> bytes:
        """Returns the document."""
        kind, title = _TITLES[self.status]
        document = ProblemDocument(
            type=f"urn:daybreak:problem:{self.kind or kind}",
            title=self.title or title,
            status=self.status,
            detail=self.detail,
            parameter=msgspec.UNSET if self.parameter is None else self.parameter,
            index=msgspec.UNSET if self.index is None else self.index,
        )
        return msgspec.json.encode(document)


FAILED = Problem(500, "the server failed on this request; its log says why")
NO_RELEASE = Problem(503, "no valid release has been published yet; try again later")
