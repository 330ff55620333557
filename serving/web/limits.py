"""What one caller may take: a request that is too many is told when to come again."""

import math
import time

from core.limit_settings import LimitSettings
from serving.web.asgi_adapter import RsgiScope
from serving.web.callers import Caller
from serving.web.metrics import Metrics
from serving.web.problems import Problem
from serving.web.shared_memory import SharedMemory
from serving.web.token_buckets import TokenBuckets

USERS, CLIENTS = "user_buckets", "client_buckets"
"""The regions of the buckets."""


class Limits:
    """The buckets of users and clients; a rate of 0 costs nothing."""

    def __init__(self, shared: SharedMemory, settings: LimitSettings, metrics: Metrics) -> None:
        self._users = TokenBuckets(shared, USERS, settings.user_rate, settings.user_burst)
        self._clients = TokenBuckets(shared, CLIENTS, settings.client_rate, settings.client_burst)
        self._metrics = metrics

    def client_refusal(self, scope: RsgiScope, caller: Caller) -> Problem | None:
        """Returns why a client's request is refused, or None after it has been charged.

        Args:
            scope: the request, for the address that it comes from.
            caller: whose client is charged; the address where there are no tokens.
        """
        if not self._clients.is_limited:
            return None
        wait = self._clients.wait(caller.client or _address(scope), time.monotonic())
        return self._refuse("client", wait) if wait else None

    def user_refusal(self, user_id: str) -> Problem | None:
        """Returns why a request for a user's list is refused, or None after it was charged."""
        if not self._users.is_limited:
            return None
        wait = self._users.wait(user_id, time.monotonic())
        return self._refuse("user", wait) if wait else None

    def stranger_refusal(self, scope: RsgiScope) -> Problem | None:
        """Returns why a token that is not known is not even verified; charges nothing."""
        if not self._clients.is_limited:
            return None
        wait = self._clients.wait(_address(scope), time.monotonic(), take=False)
        return self._refuse("client", wait) if wait else None

    def charge_stranger(self, scope: RsgiScope) -> None:
        """Charges an address for a token that was refused."""
        if self._clients.is_limited:
            self._clients.wait(_address(scope), time.monotonic())

    def _refuse(self, who: str, wait: float) -> Problem:
        self._metrics.add("daybreak_shed", f"{who}_rate")
        seconds = math.ceil(wait)
        return Problem(
            429,
            f"this {who} asks too often; come again in {seconds} s, or have [limits] {who}_rate "
            "raised",
            retry_after=seconds,
        )


def _address(scope: RsgiScope) -> str:
    return scope.client.rpartition(":")[0]
