"""The headers that every answer has; made once, for the hot path has no time to."""

COMMON = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
"""On every answer: no cache keeps one user's list for the next, no browser guesses a type."""
JSON = [("content-type", "application/json"), *COMMON]
"""On a list."""
_POLICY = "default-src 'none'; frame-ancestors 'none'"


def protected(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns an answer's headers with those of every answer, as far as it has none of that name.

    What brings no policy of its own may load nothing and stand in no frame.
    """
    named = {name for name, _ in headers}
    wanted = (*COMMON, ("content-security-policy", _POLICY))
    return headers + [header for header in wanted if header[0] not in named]
