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

    def refusal(self, scope: RsgiScope, caller: Caller, user_id: str = "") -> Problem | None:
        """Returns why a request is refused, or None after it has been charged.

        Args:
            scope: the request, for the address that it comes from.
            caller: whose client is charged; the address where there are no tokens.
            user_id: whose list is asked for, if anyone's.
        """
        now = time.monotonic()
        if self._clients.is_limited:
            client = caller.client or scope.client.rpartition(":")[0]
            if wait := self._clients.wait(client, now):
                return self._refuse("client", wait)
        if user_id and self._users.is_limited and (wait := self._users.wait(user_id, now)):
            return self._refuse("user", wait)
        return None

    def _refuse(self, who: str, wait: float) -> Problem:
        self._metrics.add("daybreak_shed", f"{who}_rate")
        seconds = math.ceil(wait)
        return Problem(
            429,
            f"this {who} asks too often; come again in {seconds} s, or have [limits] {who}_rate "
            "raised",
            retry_after=seconds,
        )
