"""What a refused token costs the address that it comes from."""

from dataclasses import dataclass

import pytest

from core.limit_settings import LimitSettings
from serving.web.access import Access
from serving.web.application import shared_memory
from serving.web.limits import Limits
from serving.web.metrics import Metrics
from tests.serving.web.test_tokens import verifier
from tests.signing import SigningKey

KEY, STRANGER = SigningKey("ES256", "e"), SigningKey("ES256", "e")
PATH = "/v1/items/m1/similar"


class Headers:
    def __init__(self, *authorizations):
        self.authorizations = list(authorizations)

    def get_all(self, name):
        assert name == "authorization"
        return self.authorizations


@dataclass
class Asked:
    headers: Headers
    client: str = "10.0.0.1:50000"
    path: str = PATH


def asked(key, address="10.0.0.1", **claims):
    return Asked(Headers(f"Bearer {key.token(**claims)}"), f"{address}:50000")


@pytest.fixture
def access(tmp_path):
    def made(rate):
        shared = shared_memory(1)
        settings = LimitSettings(client_rate=rate, client_burst=3)
        limits = Limits(shared, settings, Metrics(shared, 0))
        return Access(verifier(tmp_path / "keys.json", KEY), limits)

    return made


def statuses(access, *requests):
    found = [access.to_page(request) for request in requests]
    return [getattr(one, "status", one) for one in found]


def test_who_brings_bad_tokens_is_not_even_listened_to_after_some(access, monkeypatch):
    access = access(0.01)
    known = asked(KEY)
    ann = access.to_page(known)
    assert ann.subject == "ann"
    bad = [asked(STRANGER), Asked(Headers()), Asked(Headers("Bearer a", "Bearer b"))]
    assert statuses(access, *bad) == [401] * 3
    monkeypatch.setattr(access.verifier, "_verify", None)  # no more of that
    refusal = access.to_page(asked(STRANGER, sub="bob"))
    assert (refusal.status, refusal.retry_after) == (429, 100)
    assert statuses(access, asked(KEY, sub="bob")) == [429]  # nobody knows yet that it is good
    assert access.to_page(known) is ann
    monkeypatch.undo()
    assert statuses(access, asked(STRANGER, "10.0.0.2")) == [401]
    assert access.to_page(asked(KEY, "10.0.0.2", sub="bob")).subject == "bob"


def test_good_tokens_and_open_pages_cost_an_address_nothing(access):
    access = access(0.01)
    for n in range(5):
        assert access.to_page(asked(KEY, sub=f"user-{n}")).subject == f"user-{n}"
    for _ in range(5):
        assert statuses(access, Asked(Headers(), path="/healthz"))[0].is_service
    assert statuses(access, asked(STRANGER)) == [401]


def test_without_a_rate_nobody_is_held_back(access):
    assert statuses(access(0), *[asked(STRANGER)] * 20) == [401] * 20


def test_that_our_keys_are_missing_is_nobodys_fault(access):
    access = access(0.01)
    keys = access.verifier.keys
    found, keys.current = keys.current, None
    assert statuses(access, *[asked(KEY)] * 5) == [503] * 5
    keys.current = found
    assert statuses(access, asked(STRANGER)) == [401]
