"""Who may ask for what: every path needs the service role unless it is named here."""

from typing import Protocol

from serving.web.asgi_adapter import RsgiScope
from serving.web.callers import ANYONE, NOT_A_SERVICE, Caller
from serving.web.inspector.routes import OPEN as INSPECTOR
from serving.web.limits import Limits
from serving.web.problems import Problem

_OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"}) | INSPECTOR
"""What is asked without a token, and tells of no one."""


class Verifier(Protocol):
    """Says who asks, by the text of a header."""

    def known(self, authorization: str | None) -> Caller | None:
        """Returns who was verified by this very text before; None for nobody."""

    def caller(self, authorization: str | None) -> Caller | Problem:
        """Returns who asks, or why that is not known."""

    @property
    def missing(self) -> Problem | None:
        """Why nobody can be known yet, if so."""

    def start(self) -> None:
        """Begins, when the worker starts."""

    def stop(self) -> None:
        """Ends, when the worker stops."""


class Access:
    """Decides by tokens; where they are off there is none of these.

    A refused token is charged to the address that it comes from.

    Attributes:
        verifier: says who asks.
    """

    def __init__(self, verifier: Verifier, limits: Limits) -> None:
        self.verifier = verifier
        self._limits = limits

    def to_page(self, scope: RsgiScope) -> Caller | Problem:
        """Returns who asks for anything else, or why that may not be.

        `/v1/events` is for every token: its handler asks `may_read` for each event's user.
        """
        if scope.path in _OPEN:
            return ANYONE
        caller = self.caller(scope)
        if isinstance(caller, Problem) or caller.is_service or _is_for_users(scope):
            return caller
        return NOT_A_SERVICE

    def caller(self, scope: RsgiScope) -> Caller | Problem:
        """Returns who asks; of two headers neither counts, for a proxy may have read the other."""
        given = scope.headers.get_all("authorization")
        text = given[0] if len(given) == 1 else None
        caller: Caller | Problem | None = self.verifier.known(text)
        if caller is not None:
            return caller
        # To verify one takes as long as several answers: who brought many bad ones has to wait.
        if refusal := self._limits.stranger_refusal(scope):
            return refusal
        caller = self.verifier.caller(text)
        if isinstance(caller, Problem) and caller.status == 401:  # and not for want of our keys
            self._limits.charge_stranger(scope)
        return caller


def _is_for_users(scope: RsgiScope) -> bool:
    path = scope.path
    return path == "/v1/events" or (path.startswith("/v1/items/") and path.endswith("/similar"))
