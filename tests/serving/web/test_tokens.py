import base64
import hashlib
import hmac
import json
import logging
import random
import string
import time
import tracemalloc

import jwt
import pytest

from core.security_settings import SecuritySettings
from serving.web.callers import ANYONE, Caller
from serving.web.problems import Problem
from serving.web.tokens import MISSING, NO_KEYS, TokenVerifier, VerifiedTokens
from tests.signing import AUDIENCE, ISSUER, SigningKey, encoded, key_set

RS, ES, ED = SigningKey("RS256", "r"), SigningKey("ES256", "e"), SigningKey("EdDSA", "d")
STRANGER = SigningKey("ES256", "e")
ANN = Caller("ann", is_service=False, client="ann")


def verifier(path, *keys, **others):
    path.write_bytes(key_set(*keys))
    settings = SecuritySettings(
        tokens=True, issuer=ISSUER, audience=AUDIENCE, keys=str(path), **others
    )
    made = TokenVerifier(settings)
    assert made.keys.refresh()
    return made


@pytest.fixture
def tokens(tmp_path):
    return verifier(tmp_path / "keys.json", RS, ES, ED)


def refusal(tokens, token):
    """Returns why a token is refused; the problem never quotes it."""
    problem = tokens.caller(f"Bearer {token}")
    assert isinstance(problem, Problem), problem
    assert (problem.status, problem.challenge) == (401, 'Bearer error="invalid_token"')
    assert problem.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    for part in token.split("."):
        assert len(part) < 8 or part not in problem.detail
    return problem.detail.removeprefix("the token is refused: ")


def signed(header, claims, key=ES):
    """Returns a token whose parts are bytes or JSON values that PyJWT would not write."""
    text = f"{encoded(header)}.{encoded(claims)}"
    algorithm = jwt.get_algorithm_by_name(key.algorithm)
    return f"{text}.{encoded(algorithm.sign(text.encode(), key.private))}"


@pytest.mark.parametrize("key", [RS, ES, ED], ids=lambda key: key.algorithm)
def test_a_good_token_says_who_asks(tokens, key):
    assert tokens.caller("Bearer " + key.token()) == ANN
    assert tokens.caller("bearer  " + key.token(aud=["x", AUDIENCE])) == ANN
    assert tokens.caller("BEARER " + key.token({"typ": "at+jwt"}, sub="zoë")).subject == "zoë"
    assert tokens.caller("Bearer " + key.token({"typ": None}, nbf=None, iat=None)) == ANN


@pytest.mark.parametrize(
    ("claims", "caller"),
    [
        ({"roles": ["x", "daybreak-service"]}, Caller("ann", True, "ann")),
        ({"roles": "x daybreak-service"}, Caller("ann", True, "ann")),
        ({"roles": "daybreak-services"}, ANN),
        ({"roles": "x,daybreak-service"}, ANN),
        ({"roles": ["DAYBREAK-SERVICE"]}, ANN),
        ({"roles": [["daybreak-service"]]}, ANN),
        ({"roles": {"daybreak-service": True}}, ANN),
        ({"roles": True}, ANN),
        ({"role": "daybreak-service", "scope": "daybreak-service"}, ANN),
        ({"client_id": "web", "azp": "other"}, Caller("ann", False, "web")),
        ({"azp": "app"}, Caller("ann", False, "app")),
    ],
)
def test_roles_and_the_client(tokens, claims, caller):
    assert tokens.caller("Bearer " + ES.token(**claims)) == caller


def test_who_may_read_whom():
    assert ANN.may_read("ann")
    assert not any(ANN.may_read(other) for other in ("bob", "Ann", "ann ", "", "an\u0303n"))
    assert Caller("svc", True, "svc").may_read("bob")
    assert ANYONE.may_read("bob")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "it has expired"),
        ({"exp": int(time.time()) - 31}, "it has expired"),
        ({"exp": True}, "it has expired"),
        ({"nbf": 2**40}, "it is not valid yet"),
        ({"iat": 2**40}, "it is not valid yet"),
        ({"aud": "other"}, "it is for another audience"),
        ({"aud": ["other", "daybreaks"]}, "it is for another audience"),
        ({"aud": [AUDIENCE, 5]}, "it is for another audience"),
        ({"aud": {AUDIENCE: 1}}, "it is for another audience"),
        ({"iss": ISSUER + "/"}, "it is another issuer's"),
        ({"exp": None}, "it lacks one of the claims exp, iss, aud and sub"),
        ({"iss": None}, "it lacks one of the claims exp, iss, aud and sub"),
        ({"aud": None}, "it lacks one of the claims exp, iss, aud and sub"),
        ({"sub": None}, "it lacks one of the claims exp, iss, aud and sub"),
        ({"sub": 42}, "it is malformed"),
        ({"exp": "x"}, "it is malformed"),
        ({"exp": "9999999999"}, "it is malformed"),
        ({"exp": float("inf")}, "it is malformed"),
        ({"exp": float("nan")}, "it is malformed"),
        ({"exp": 10**400}, "it is malformed"),
        ({"nbf": "x"}, "it is malformed"),
        ({"client_id": 5}, "it is malformed"),
        ({"sub": "\ud800"}, "it is malformed"),
        ({"sub": ""}, "its subject is no user id"),
        ({"sub": " ann"}, "its subject is no user id"),
        ({"sub": "zoe\u0308"}, "its subject is no user id"),
        ({"sub": "x" * 257}, "its subject is no user id"),
        ({"client_id": "x" * 257}, "its client is longer than 256 bytes, or blank"),
        ({"client_id": " "}, "its client is longer than 256 bytes, or blank"),
    ],
)
def test_claims_that_are_refused(tokens, claims, reason):
    assert refusal(tokens, ES.token(**claims)).startswith(reason)


def test_the_leeway_is_the_settings(tmp_path):
    now = int(time.time())
    late, early = ES.token(exp=now - 100), ES.token(nbf=now + 100)
    for leeway, is_good in ((200, True), (50, False)):
        tokens = verifier(tmp_path / "k", ES, leeway_seconds=leeway)
        for token in (late, early):
            assert (tokens.caller("Bearer " + token) == ANN) is is_good


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"kid": None}, "it names no key"),
        ({"kid": "../../etc/passwd"}, "the key that it names is not known"),
        ({"kid": "' OR 1=1 --"}, "the key that it names is not known"),
        ({"kid": "http://127.0.0.1:1/keys"}, "the key that it names is not known"),
        ({"kid": ""}, "the key that it names is not known"),
        ({"kid": "E"}, "the key that it names is not known"),
        ({"kid": "r"}, "its key is not for the algorithm that it names"),
        ({"crit": ["exp"], "exp": 1}, "it is of another type"),
        ({"typ": "logout+jwt"}, "it is of another type"),
    ],
)
def test_headers_that_are_refused(tokens, headers, reason):
    assert refusal(tokens, ES.token(headers)).startswith(reason)


@pytest.mark.parametrize("place", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_a_token_brings_is_not_read(tokens, place):
    own = {"jwk": STRANGER.jwk(), "x5c": ["MII"]}.get(place, "http://127.0.0.1:1/keys")
    assert refusal(tokens, STRANGER.token({place: own})) == ("its signature is not that of its key")
    assert tokens.caller("Bearer " + ES.token({place: own})) == ANN


def test_a_token_chooses_no_algorithm(tokens):
    claims = SigningKey.claims()
    for name in ("none", "None", "NONE", "", "HS256", "RS512", "PS256", "ES384", "rs256"):
        text = f"{encoded({'alg': name, 'kid': 'r', 'typ': 'JWT'})}.{encoded(claims)}"
        macs = [hmac.new(key, text.encode(), hashlib.sha256).digest() for key in (RS.pem(), b"x")]
        for mac in (*macs, b"\0"):
            assert refusal(tokens, f"{text}.{encoded(mac)}") == (
                "it is signed in a way that is not taken here"
            )


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b"\xff", {}),
        (b"null", {}),
        (b"[]", {}),
        (b"{}", {}),
        ({"alg": ["ES256"], "kid": "e"}, {}),
        ({"alg": "ES256", "kid": 5}, {}),
        ({"alg": "ES256", "kid": "e", "typ": 1}, {}),
        (b'{"alg":"ES256","kid":"e","x":' + b"[" * 4000, {}),
        (b'{"alg":"ES256","kid":"e","x":NaN}', {}),
        ({"alg": "ES256", "kid": "e", "b64": False}, SigningKey.claims()),
        ({"alg": "ES256", "kid": "e"}, b"[" * 4000),
        ({"alg": "ES256", "kid": "e"}, b"null"),
        ({"alg": "ES256", "kid": "e"}, b"\xff"),
    ],
)
def test_what_is_malformed_is_refused(tokens, header, claims):
    assert refusal(tokens, signed(header, claims)) == "it is malformed"


@pytest.mark.parametrize(
    "text",
    ["", " ", "Bearer", "Bearer ", "Bearer a", "Bearer a.b", "Bearer a.b.c.d", "Bearer ..", "x y",
     "Basic {token}", "{token}", "Bearer:{token}", "Bearer\t{token}", " Bearer {token}",
     "Bearer {token} ", "Bearer {token},", "Bearer {token}, Bearer {token}", "Bearer {token}\n",
     "Bearer {token}=", "Bearer {token}.", "Bearer bearer {token}", "Bearer \"{token}\"",
     "Bearer ١.٢.٣"],
)  # fmt: skip
def test_what_is_no_bearer_token(tokens, text):
    problem = tokens.caller(text.replace("{token}", ES.token()))
    assert isinstance(problem, Problem)
    assert problem.detail.endswith("it is no signed JSON Web Token in the scheme Bearer")


def test_without_a_token_none_is_called_invalid(tokens):
    assert tokens.caller(None) is MISSING
    assert MISSING.headers["www-authenticate"] == "Bearer"


def test_what_is_too_long_is_not_read(tmp_path):
    tokens = verifier(tmp_path / "keys.json", ES, max_token_bytes=2048)
    assert tokens.caller("Bearer " + ES.token(more="x" * 1000)) == ANN
    assert refusal(tokens, ES.token(more="x" * 2000)) == "it is longer than 2,048 bytes"
    assert refusal(tokens, "a." * 1_000_000) == "it is longer than 2,048 bytes"


@pytest.mark.parametrize("key", [RS, ES, ED], ids=lambda key: key.algorithm)
def test_every_other_spelling_of_a_good_token_is_refused(tokens, key):
    """Base64 leaves bits over at the end of a part: only one spelling of each part is taken."""
    alphabet = string.ascii_letters + string.digits + "-_"
    token = key.token()
    parts = token.split(".")
    n_same = 0
    for place, part in enumerate(parts):
        for letter in alphabet:
            spelled = [*parts[:place], part[:-1] + letter, *parts[place + 1 :]]
            if spelled == parts:
                continue
            raw = part[:-1] + letter
            n_same += _decoded(raw) == _decoded(part)
            assert refusal(tokens, ".".join(spelled))
        for ending in ("=", "==", "A", "\n", "%3D"):
            assert refusal(tokens, ".".join([*parts[:place], part + ending, *parts[place + 1 :]]))
    assert n_same > 0  # some that mean the same were among them
    assert tokens.caller("Bearer " + token) == ANN


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_mutations_of_a_token_that_is_in_the_cache(tokens):
    chance = random.Random(5)
    token = RS.token()
    assert tokens.caller("Bearer " + token) == ANN
    for _ in range(300):
        place = chance.randrange(len(token))
        other = chr(ord(token[place]) ^ 1 << chance.randrange(7))
        refusal(tokens, token[:place] + other + token[place + 1 :])
    assert tokens.caller("Bearer " + token) == ANN


def test_what_was_verified_is_not_served_once_it_expires(tmp_path):
    tokens = verifier(tmp_path / "keys.json", ES, leeway_seconds=0)
    end = int(time.time()) + 2
    token = ES.token(exp=end)
    while (caller := tokens.caller("Bearer " + token)) == ANN:
        assert time.time() < end + 1
        time.sleep(0.01)
    assert time.time() >= end
    assert isinstance(caller, Problem)
    assert refusal(tokens, token) == "it has expired"


def test_the_leeway_holds_for_what_was_verified_too(monkeypatch):
    cache = VerifiedTokens(100_000)
    cache.add("text", ANN, 115.0)
    for moment, found in ((0, ANN), (114.9, ANN), (115.0, None), (1e9, None), (114.0, ANN)):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        assert cache.find("text") is found


def test_a_key_that_is_withdrawn_takes_its_verified_tokens_with_it(tmp_path):
    path = tmp_path / "keys.json"
    tokens = verifier(path, RS, ES)
    old, kept = "Bearer " + RS.token(), "Bearer " + ES.token()
    assert tokens.caller(old) == tokens.caller(kept) == ANN
    path.write_bytes(key_set(ES, ED))
    assert tokens.caller(old) == ANN
    assert tokens.keys.refresh()
    assert refusal(tokens, old.split()[1]) == "the key that it names is not known"
    assert tokens.caller(kept) == tokens.caller("Bearer " + ED.token()) == ANN


def test_another_key_under_an_old_id(tmp_path):
    path = tmp_path / "keys.json"
    tokens = verifier(path, ES)
    token = ES.token()
    assert tokens.caller("Bearer " + token) == ANN
    path.write_bytes(key_set(STRANGER))
    assert tokens.keys.refresh()
    assert refusal(tokens, token) == "its signature is not that of its key"
    assert tokens.caller("Bearer " + STRANGER.token()) == ANN


def test_until_there_are_keys_nobody_is_refused_for_good(tmp_path):
    settings = SecuritySettings(
        tokens=True, issuer=ISSUER, audience=AUDIENCE, keys=str(tmp_path / "none")
    )
    tokens = TokenVerifier(settings)
    assert tokens.missing is tokens.caller("Bearer " + ES.token()) is NO_KEYS
    assert NO_KEYS.headers["retry-after"] == "5"
    assert json.loads(NO_KEYS.to_bytes())["type"] == "urn:daybreak:problem:no-keys"
    assert tokens.caller(None) is MISSING


def test_a_shared_secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"s" * 32)
    settings = SecuritySettings(
        tokens=True, issuer=ISSUER, audience=AUDIENCE, secret_file=str(path), algorithms=("HS256",)
    )
    tokens = TokenVerifier(settings)
    assert tokens.keys.refresh()
    for headers in ({}, {"kid": "../x"}):
        token = jwt.encode(SigningKey.claims(), b"s" * 32, "HS256", headers)
        assert tokens.caller("Bearer " + token) == ANN
    other = jwt.encode(SigningKey.claims(), b"t" * 32, "HS256")
    assert refusal(tokens, other) == "its signature is not that of its key"
    assert refusal(tokens, ES.token()) == "it is signed in a way that is not taken here"


def test_no_token_and_no_user_is_in_the_log(tokens, caplog):
    caplog.set_level(logging.DEBUG)
    for token in (ES.token(sub="canary"), ES.token({"kid": "x"}, sub="canary"), "a.b.c"):
        tokens.caller("Bearer " + token)
    assert caplog.text == ""


@pytest.mark.parametrize("n_characters", [250, 600, 8_000])
def test_the_cache_stays_within_its_memory(n_characters):
    limit = 2 * 2**20
    cache = VerifiedTokens(limit)
    tracemalloc.start()
    try:
        for number in range(20_000_000 // n_characters // 4):
            text = f"{number:x}".zfill(n_characters)
            cache.add(text, Caller(f"user-{number}", False, f"client-{number}"), 2e9)
            assert cache.find(text) is not None
        assert 0.2 * limit < tracemalloc.get_traced_memory()[0] < limit
    finally:
        tracemalloc.stop()


def test_what_is_asked_for_again_and_again_stays_in_the_cache():
    cache = VerifiedTokens(100_000)
    cache.add("dear", ANN, 2e9)
    for number in range(1_000):
        cache.add(str(number), ANN, 2e9)
        assert cache.find("dear") is ANN
    assert cache.find("0") is None
    assert cache.find("999") is ANN


def test_a_text_with_the_same_end_is_another_text():
    cache = VerifiedTokens(100_000)
    cache.add("a" + "x" * 100, ANN, 2e9)
    assert cache.find("b" + "x" * 100) is None
    assert cache.find("x" * 100) is None
    assert cache.find("a" + "x" * 100) is ANN
