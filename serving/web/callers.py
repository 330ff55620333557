"""Who asks, and whose lists that one may read."""

from dataclasses import dataclass

from serving.web.problems import Problem

NOT_YOURS = Problem(
    403,
    "the token's subject is another user, and it has no service role; ask for the subject",
    challenge='Bearer error="insufficient_scope"',
)
"""What is said to one who asks for somebody else."""
NOT_A_SERVICE = Problem(
    403,
    "this needs a token with the service role; GET /healthz, /readyz and /openapi.json need none",
    challenge='Bearer error="insufficient_scope"',
)
"""What is said to a user who asks for what no user may."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        subject: the user id in whose name; empty for anyone.
        is_service: whether it may ask for every user.
        client: the application that asks, else the subject: what rate limits count by; empty
            where there are no tokens, and the connection's address is all there is.
    """

    subject: str
    is_service: bool
    client: str

    def may_read(self, user_id: str) -> bool:
        """Returns whether it may read a user's list, or tell of the user's events.

        Args:
            user_id: as ingest stores it (`parameters.parse_id`); compared to the letter.
        """
        return self.is_service or self.subject == user_id


ANYONE = Caller(subject="", is_service=True, client="")
"""Everybody, where tokens are off."""
