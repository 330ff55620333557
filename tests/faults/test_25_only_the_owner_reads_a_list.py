"""FAULTS row 25: with tokens on, a list is read by its owner or a service, and by nobody else.

A real server with four workers, whose keys a web server on the loopback publishes.
"""

import base64
import hashlib
import hmac
import http.client
import json
import random
import string
import time
from collections import Counter
from contextlib import closing

import jwt
import pytest

from core.home import Home
from tests.key_server import KeyServer
from tests.serving.conftest import publish_toy
from tests.serving.web.test_server import RunningServer
from tests.signing import AUDIENCE, ISSUER, SigningKey, encoded, key_set

pytestmark = pytest.mark.faults

RS, ES, ED = SigningKey("RS256", "r"), SigningKey("ES256", "e"), SigningKey("EdDSA", "d")
STRANGER = SigningKey("RS256", "r")
SERVICE = {"sub": "batch", "roles": ["daybreak-service"]}
LIST = "/v1/recommendations?user_id="
FOR_TOKENS = ("/v1/items/m1/similar",)
FOR_SERVICES = (
    "/metrics",
    "/inspector/release",
    "/nothing",
    "/v1/recommendations/",
    "//healthz",
    "/healthz/x",
    "/v1/items/m1",
)
WORKERS = 4


class Protected(RunningServer):
    """The server with tokens on, asked over connections of their own."""

    def __init__(self, home, keys, refresh_seconds=1):
        settings = {
            "TOKENS": "true", "ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "KEYS": keys.url,
            "REFRESH_SECONDS": str(refresh_seconds), "RETRY_SECONDS": "0.2", "TIMEOUT_SECONDS": "2",
        }  # fmt: skip
        named = {f"DAYBREAK_SECURITY__{name}": value for name, value in settings.items()}
        super().__init__(home, workers=WORKERS, environment=named)

    def ask(self, path, *authorizations, method="GET", body=b""):
        """Returns the status and the document of an answer, each from any of the workers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            return asked(connection, path, *authorizations, method=method, body=body)

    def always(self, status, path, authorization, times=40):
        """Waits until every worker answers so."""
        return self.wait(
            lambda: all(self.ask(path, authorization)[0] == status for _ in range(times))
        )


def asked(connection, path, *authorizations, method="GET", body=b""):
    connection.putrequest(method, path)
    for value in authorizations:
        connection.putheader("Authorization", value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    content = response.read()
    if response.status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    return response.status, content.decode()


@pytest.fixture(scope="module")
def keys():
    server = KeyServer(key_set(RS, ES, ED))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory, keys):
    home = Home(tmp_path_factory.mktemp("protected"))
    publish_toy(home.releases, "1970-01-11", 1)
    server = Protected(home, keys)
    server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(40)))
    yield server
    code, _, errors = server.stop()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert not any(word in errors for word in ("eyJ", "ann", "bob", "tenant")), errors


def unsigned(algorithm, key=b"", **claims):
    """Returns a token of an algorithm that the settings do not have, made with a public key."""
    text = f"{encoded({'alg': algorithm, 'kid': 'r'})}.{encoded(SigningKey.claims(**claims))}"
    return f"{text}.{encoded(hmac.new(key, text.encode(), hashlib.sha256).digest()) if key else ''}"


def patched(token, place, **changed):
    """Returns a token with a part changed and the signature left as it is."""
    parts = token.split(".")
    padded = parts[place] + "=" * (-len(parts[place]) % 4)
    parts[place] = encoded(json.loads(base64.urlsafe_b64decode(padded)) | changed)
    return ".".join(parts)


def with_own_key(**headers):
    return "Bearer " + STRANGER.token(headers)


NOW = int(time.time())
BAD = {
    "no header": (),
    "an empty header": ("",),
    "the scheme alone": ("Bearer",),
    "another scheme": ("Basic YW5uOmFubg==",),
    "garbage": ("Bearer garbage",),
    "three parts of garbage": ("Bearer a.b.c",),
    "letters beyond ASCII": ("Bearer \xff\xfe.\xe9.\xe9",),
    "unsigned": ("Bearer " + unsigned("none"),),
    "unsigned, another spelling": ("Bearer " + unsigned("nOnE"),),
    "the public key as a secret": ("Bearer " + unsigned("HS256", RS.pem()),),
    "the key set as a secret": ("Bearer " + unsigned("HS256", key_set(RS, ES, ED)),),
    "the id of a key of another kind": ("Bearer " + ES.token({"kid": "r"}),),
    "expired": ("Bearer " + RS.token(exp=NOW - 3600),),
    "not valid yet": ("Bearer " + RS.token(nbf=NOW + 36_000),),
    "issued tomorrow": ("Bearer " + RS.token(iat=NOW + 86_400),),
    "of another audience": ("Bearer " + RS.token(aud="shop"),),
    "of another issuer": ("Bearer " + RS.token(iss="https://evil.example"),),
    "without a subject": ("Bearer " + RS.token(sub=None),),
    "with an empty subject": ("Bearer " + RS.token(sub=""),),
    "with a number as subject": ("Bearer " + RS.token(sub=1),),
    "without an end": ("Bearer " + RS.token(exp=None),),
    "without an audience": ("Bearer " + RS.token(aud=None),),
    "without an issuer": ("Bearer " + RS.token(iss=None),),
    "of another key": ("Bearer " + STRANGER.token(),),
    "with other claims": ("Bearer " + patched(RS.token(sub="bob"), 1, sub="ann"),),
    "with a role added": ("Bearer " + patched(RS.token(), 1, roles=["daybreak-service"]),),
    "with another header": ("Bearer " + patched(RS.token(), 0, x=1),),
    "with a stripped signature": ("Bearer " + RS.token().rpartition(".")[0] + ".",),
    "a path in kid": (with_own_key(kid="../../../dev/null"),),
    "SQL in kid": (with_own_key(kid="r' UNION SELECT 'x"),),
    "a URL in kid": (with_own_key(kid="http://127.0.0.1:9/keys"),),
    "an unknown kid": (with_own_key(kid="x"),),
    "no kid": (with_own_key(kid=None),),
    "its own key in jwk": (with_own_key(jwk=STRANGER.jwk()),),
    "its own key by jku": (with_own_key(jku="http://127.0.0.1:9/keys"),),
    "a header that is critical": ("Bearer " + RS.token({"crit": ["exp"]}),),
    "of another type": ("Bearer " + RS.token({"typ": "logout+jwt"}),),
    "two headers": ("Bearer " + RS.token(), "Bearer " + ES.token()),
    "the same header twice": ("Bearer " + RS.token(),) * 2,
    "two tokens in one header": (f"Bearer {RS.token()}, Bearer {ES.token()}",),
    "too long": ("Bearer " + RS.token(more="x" * 9_000),),
    "padded": ("Bearer " + RS.token() + "==",),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_opens_nothing(server, case):
    for path in (LIST + "ann", LIST + "bob", LIST, "/v1/events", *FOR_TOKENS, *FOR_SERVICES):
        status, said = server.ask(path, *BAD[case])
        assert status == 401, (path, said)
        document = json.loads(said)
        assert document["title"] == "No valid token"
        parts = [part for value in BAD[case] for part in value.split(".")]
        assert not any(part in said for part in parts if len(part) > len("Bearer "))
    assert server.ask("/v1/events", *BAD[case], method="POST", body=b"{}")[0] == 401


@pytest.mark.parametrize("path", ["access_token={}", "token={}", "authorization=Bearer%20{}"])
def test_a_token_in_the_query_is_none(server, path):
    assert server.ask(f"{LIST}ann&{path.format(ES.token())}")[0] == 401


def test_what_needs_no_token_has_none_of_anyones(server):
    for path in ("/healthz", "/readyz"):
        assert server.ask(path)[0] == 200
        assert server.ask(path, "Bearer x")[0] == 200
    assert server.ask("/openapi.json")[0] in (200, 404)


@pytest.mark.parametrize("key", [RS, ES, ED], ids=lambda key: key.algorithm)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_owner_reads_the_own_list(server, key, scheme):
    for user, spellings in OWN.items():
        for asked_for in spellings:
            status, said = server.ask(LIST + asked_for, f"{scheme} {key.token(sub=user)}")
            assert (status, json.loads(said)["user_id"]) == (200, user)
    for path in FOR_TOKENS:
        assert server.ask(path, f"{scheme} {key.token()}")[0] == 200


OWN = {
    "ann": ["ann", "%61nn", "+ann%20", "a%6E%6e"],
    "zoë": ["zo%C3%AB", "zoe%CC%88", "%20zoe%CC%88"],
    "nobody at all": ["nobody+at%20all"],
}
OTHERS = [
    "bob", "%62ob", "b%6fb", "+bob", "Ann", "ANN", "ann%00", "ann%20bob", "ann,bob", "%61nn2",
    "zo%C3%AB", "zoe%CC%88", "%D0%B0nn", "%EF%BD%81nn", "an%E2%80%8Bn", "ann%2F..%2Fbob",
    "..%2Fbob", "ann%26user_id=bob", "*", "null", "%2561nn", "ann%3D", "a%CC%83nn", "0",
]  # fmt: skip


@pytest.mark.parametrize("user", OTHERS)
def test_another_users_list_stays_closed(server, user):
    for token in (RS.token(), ES.token(), ES.token(roles=["reader", "daybreak"]), ED.token()):
        status, said = server.ask(LIST + user, "Bearer " + token)
        assert (status, json.loads(said)["title"]) == (403, "Forbidden")
        assert "items" not in json.loads(said)


@pytest.mark.parametrize("query", ["user_id=ann&user_id=bob", "user_id=bob&user_id=ann", ""])
def test_whose_list_it_is_must_be_said_once(server, query):
    status, said = server.ask("/v1/recommendations?" + query, "Bearer " + ES.token())
    assert status == 400
    assert "items" not in json.loads(said)


@pytest.mark.parametrize("path", FOR_SERVICES)
def test_what_shows_everyone_is_for_services(server, path):
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
        assert server.ask(path, "Bearer " + ES.token(), method=method)[0] == 403
    status, _ = server.ask(path, "Bearer " + ES.token(**SERVICE))
    assert status == (200 if path in ("/metrics", "/inspector/release") else 404)


@pytest.mark.parametrize("key", [RS, ES, ED], ids=lambda key: key.algorithm)
def test_a_service_reads_for_everyone(server, key):
    for user in ("ann", "bob", "zo%C3%AB", "batch"):
        assert server.ask(LIST + user, "Bearer " + key.token(**SERVICE))[0] == 200


def test_no_mutation_of_a_good_token_is_taken(server, trials):
    """Bits of what a part says, letters of how it is spelled, and parts of several tokens mixed."""
    chance, n_trials = random.Random(25), trials(300, 20_000)
    good = {key: key.token(exp=NOW + 36_000) for key in (RS, ES, ED)}
    seen = Counter()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        for number in range(n_trials):
            key = (RS, ES, ED)[number % 3]
            other = mutated(good[key], good[(ES, ED, RS)[number % 3]], chance)
            seen[asked(connection, LIST + "ann", "Bearer " + other)[0]] += 1
            if number % 50 == 0:
                assert asked(connection, LIST + "ann", "Bearer " + good[key])[0] == 200
    print(f"{n_trials} mutated tokens, answers by status: {dict(seen)}")
    assert seen == {401: n_trials}


def mutated(token, other, chance):
    parts = token.split(".")
    place = chance.randrange(3)
    act = chance.randrange(4)
    if act == 0:
        content = bytearray(base64.urlsafe_b64decode(parts[place] + "=="))
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        parts[place] = encoded(bytes(content))
    elif act == 1:
        at = chance.randrange(len(parts[place]))
        letters = (string.ascii_letters + string.digits + "-_").replace(parts[place][at], "")
        parts[place] = parts[place][:at] + chance.choice(letters) + parts[place][at + 1 :]
    elif act == 2:
        parts[place] = parts[place][:-1] if chance.random() < 0.5 else parts[place] + "A"
    else:
        parts[2] = other.split(".")[2]
    assert ".".join(parts) != token
    return ".".join(parts)


def test_keys_are_replaced_while_the_server_runs_and_the_old_ones_outlive_their_url(server, keys):
    fresh = SigningKey("ES256", "fresh")
    old, new = "Bearer " + RS.token(), "Bearer " + fresh.token()
    try:
        assert server.ask(LIST + "ann", old)[0] == 200
        assert server.ask(LIST + "ann", new)[0] == 401
        keys.content = key_set(fresh, ES)
        taken = server.always(200, LIST + "ann", new)
        refused = server.always(401, LIST + "ann", old)
        print(f"a new key is taken within {taken:.1f} s, an old one refused {refused:.1f} s later")
        keys.stop()
        time.sleep(2.5)  # every worker has failed to read it
        for _ in range(40):
            assert server.ask(LIST + "ann", new)[0] == 200
            assert server.ask(LIST + "ann", old)[0] == 401
        n_asked = len(keys.asked)
        keys.start(keys.port)
        keys.status = 500
        server.wait(lambda: len(keys.asked) >= n_asked + WORKERS)
        assert server.ask(LIST + "ann", new)[0] == 200
    finally:
        keys.status, keys.content = 200, key_set(RS, ES, ED)
        server.always(200, LIST + "ann", old)
        server.always(401, LIST + "ann", new)


def test_a_key_that_is_new_is_taken_as_soon_as_a_token_names_it(tmp_path):
    """The next read by the clock would be an hour later; the first token's refusal asks for one."""
    fresh = SigningKey("ES256", "fresh")
    keys = KeyServer(key_set(RS))
    home = Home(tmp_path)
    publish_toy(home.releases, "1970-01-11", 1)
    server = Protected(home, keys, refresh_seconds=3600)
    try:
        server.always(200, LIST + "ann", "Bearer " + RS.token())
        keys.content = key_set(RS, fresh)
        waited = server.always(200, LIST + "ann", "Bearer " + fresh.token())
        print(f"a new key is taken within {waited:.1f} s")
    finally:
        server.stop()
        keys.stop()


def test_unknown_key_ids_do_not_hammer_the_keys(server, keys):
    before, start = len(keys.asked), time.monotonic()
    for number in range(400):
        assert server.ask(LIST + "ann", with_own_key_of(number))[0] == 401
    elapsed = time.monotonic() - start
    n_reads = len(keys.asked) - before
    print(f"400 unknown key ids in {elapsed:.1f} s: {n_reads} reads of the keys")
    assert n_reads <= WORKERS * (elapsed / 0.2 + 2)


def with_own_key_of(number):
    header = {"alg": "ES256", "kid": f"unknown-{number}"}
    return f"Bearer {encoded(header)}.{encoded(SigningKey.claims())}.{encoded(b'x' * 64)}"


def test_with_a_shared_secret(tmp_path, keys):
    secret = tmp_path / "secret"
    secret.write_bytes(b"k" * 32)
    home = Home(tmp_path / "home")
    publish_toy(home.releases, "1970-01-11", 1)
    named = {
        "TOKENS": "true", "ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "SECRET_FILE": str(secret),
        "ALGORITHMS": '["HS256"]',
    }  # fmt: skip
    server = RunningServer(
        home, environment={f"DAYBREAK_SECURITY__{name}": value for name, value in named.items()}
    )
    try:
        server.wait(lambda: server.get("/readyz").status == 200)
        for token, status in (
            (jwt.encode(SigningKey.claims(), b"k" * 32, "HS256"), 200),
            (jwt.encode(SigningKey.claims(sub="bob"), b"k" * 32, "HS256"), 403),
            (jwt.encode(SigningKey.claims(), b"j" * 32, "HS256"), 401),
            (ES.token(), 401),
            (unsigned("none"), 401),
        ):
            headers = {"authorization": f"Bearer {token}"}
            assert server.get(LIST + "ann", headers=headers).status == status
    finally:
        code, _, errors = server.stop()
    assert (code, "k" * 32 in errors) == (0, False)
