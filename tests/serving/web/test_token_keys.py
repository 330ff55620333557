import json
import logging
import time

import pytest

from core.errors import InputError
from core.security_settings import SecuritySettings
from serving.web.token_keys import MAX_KEYS, TokenKeys, check_keys, parse_keys
from tests.key_server import KeyServer
from tests.signing import AUDIENCE, ISSUER, SigningKey, encoded, key_set

RS, ES, ED = SigningKey("RS256", "r"), SigningKey("ES256", "e"), SigningKey("EdDSA", "d")


def settings(keys="keys.json", **others):
    return SecuritySettings(tokens=True, issuer=ISSUER, audience=AUDIENCE, keys=keys, **others)


def with_secret(path="secret", algorithms=("HS256",)):
    return settings("", secret_file=str(path), algorithms=algorithms)


def algorithms(content, **others):
    found = parse_keys(content, settings(**others)).by_id
    return {kid: key.algorithms for kid, key in found.items()}


def test_each_kind_of_key_is_good_for_its_own_algorithms():
    whole = key_set(RS, ES, ED)
    assert algorithms(whole) == {"r": ("RS256",), "e": ("ES256",), "d": ("EdDSA",)}
    assert algorithms(whole, algorithms=("RS256", "RS512", "PS256")) == {
        "r": ("RS256", "RS512", "PS256")
    }
    assert algorithms(key_set(RS.jwk(alg="RS512"), ES), algorithms=("RS256", "RS512", "ES256")) == {
        "r": ("RS512",),
        "e": ("ES256",),
    }


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (RS.jwk(kid=None), "missing required field `kid`"),
        (RS.jwk(kid=5), "Expected `str`"),
        (RS.jwk(kty=None), "missing required field `kty`"),
        (RS.private_jwk(), "holds a secret"),
        (ES.private_jwk(), "holds a secret"),
        (ED.private_jwk(), "holds a secret"),
        ({"kty": "oct", "kid": "s", "k": encoded(b"x" * 32)}, "holds a secret"),
        ({"kty": "oct", "kid": "s"}, "good for none of RS256, ES256, EdDSA"),
        (RS.jwk(use="enc"), "not meant for signatures"),
        (RS.jwk(key_ops=["encrypt"]), "not meant for signatures"),
        (RS.jwk(alg="RS512"), "good for none of"),
        (RS.jwk(alg="HS256"), "good for none of"),
        (RS.jwk(alg="none"), "good for none of"),
        (SigningKey("ES384").jwk(), "good for none of"),
        (ES.jwk(crv="P-384"), "good for none of"),
        (ES.jwk(crv="secp256k1"), "good for none of"),
        (ED.jwk(crv="Ed448"), "good for none of"),
        (ES.jwk(kty="RSA", crv=None), "no public key"),
        (ES.jwk(x=encoded(b"\1" * 32)), "no public key"),
        (ES.jwk(y=None), "no public key"),
        (ED.jwk(x="%%%"), "no public key"),
        (RS.jwk(n=5), "no public key"),
        (RS.jwk(n="A"), "no public key"),
        (RS.jwk(e=encoded(b"\2")), "no public key"),
        (RS.jwk(e="AQAB" * 2000), "no public key"),
        (SigningKey("RS256", bits=1024).jwk(), "it has 1024 bits, which are not 2048 to 8192"),
        (RS.jwk(n=encoded(b"\xff" * 1025)), "it has 8200 bits"),
    ],
)  # fmt: skip
def test_a_key_that_does_not_fit_is_left_out_by_itself(bad, reason, caplog):
    with caplog.at_level(logging.WARNING, "daybreak.serving"):
        assert algorithms(key_set(bad, SigningKey("EdDSA", "good"))) == {"good": ("EdDSA",)}
    assert caplog.records[0].getMessage().startswith("key 1 of 2 is left out: ")
    assert reason in caplog.text
    with pytest.raises(InputError, match="none of the 1 keys is good for a token"):
        parse_keys(key_set(bad), settings())


def test_of_two_keys_with_one_id_the_first_counts(caplog):
    other = SigningKey("ES256", "r")
    assert algorithms(key_set(RS, other)) == {"r": ("RS256",)}
    assert "key 2 of 2 is left out: its id is another key's too" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[1]}', b'{"keys":null}', b"\xff",
        b'{"keys":[]}{"keys":[]}', b'{"keys":[{"kty":NaN}]}', b"[" * 100_000,
        b'{"keys":[{"kty":' + b"[" * 100_000, b"<html>", b"-----BEGIN PUBLIC KEY-----",
    ],
)  # fmt: skip
def test_what_is_no_key_set(content):
    with pytest.raises(InputError, match="they are no JSON Web Key Set"):
        parse_keys(content, settings())


def test_a_set_of_none_and_of_too_many():
    with pytest.raises(InputError, match="none of the 0 keys"):
        parse_keys(b'{"keys":[]}', settings())
    many = json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode()
    with pytest.raises(InputError, match="they are 101 keys, at most 100"):
        parse_keys(many, settings())


def test_a_secret_stands_without_an_id():
    found = parse_keys(b"s" * 64 + b"\r\n", with_secret(algorithms=("HS256", "HS512"))).by_id
    assert {kid: (key.material, key.algorithms) for kid, key in found.items()} == {
        None: (b"s" * 64, ("HS256", "HS512"))
    }


@pytest.mark.parametrize(
    ("content", "names", "reason"),
    [
        (b"", ("HS256",), "is empty or a public key"),
        (b"\n", ("HS256",), "is empty or a public key"),
        (b"s" * 31, ("HS256",), "has 31 bytes, fewer than HS256 needs"),
        (b"s" * 63, ("HS256", "HS512"), "has 63 bytes, fewer than HS512 needs"),
        (key_set(RS), ("HS256",), "is empty or a public key"),
        (json.dumps(RS.jwk()).encode(), ("HS256",), "is empty or a public key"),
        (RS.pem(), ("HS256",), "is empty or a public key"),
    ],
)
def test_what_is_no_secret(content, names, reason):
    with pytest.raises(InputError, match=reason):
        parse_keys(content, with_secret(algorithms=names))


def test_a_file_is_checked_at_the_start_and_a_url_is_not(tmp_path):
    path = tmp_path / "keys.json"
    with pytest.raises(InputError, match=r"\[security\] keys .*keys\.json: No such file"):
        check_keys(settings(str(path)))
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match=r"\[security\] keys .*: they are no JSON Web Key Set"):
        check_keys(settings(str(path)))
    with pytest.raises(InputError, match=r"\[security\] secret_file .*: the secret has 2 bytes"):
        check_keys(with_secret(path))
    path.write_bytes(key_set(ED))
    check_keys(settings(str(path)))
    check_keys(settings("http://127.0.0.1:9/keys"))


def test_what_cannot_be_read_leaves_the_old_keys_and_is_told_once(tmp_path, caplog):
    caplog.set_level(logging.INFO, "daybreak.serving")
    path = tmp_path / "keys.json"
    keys = TokenKeys(settings(str(path)))
    assert (keys.refresh(), keys.current) == (False, None)
    path.write_bytes(key_set(RS))
    assert keys.refresh()
    first = keys.current
    assert keys.refresh()
    assert keys.current is first
    path.write_bytes(b"<html>")
    assert [keys.refresh() for _ in range(3)] == [False] * 3
    path.unlink()
    assert [keys.refresh() for _ in range(3)] == [False] * 3
    assert keys.current is first
    path.write_bytes(key_set(ES))
    assert keys.refresh()
    assert list(keys.current.by_id) == ["e"]
    assert [r.getMessage().replace(str(path), "KEYS") for r in caplog.records] == [
        "the keys at KEYS are not read, no token is taken until they are: [Errno 2] No such file "
        "or directory: 'KEYS'",
        "tokens are verified with 1 keys",
        "the keys at KEYS are read again",
        "the keys at KEYS are not read, the old ones stay: they are no JSON Web Key Set (JSON is "
        "malformed: invalid character (byte 0)); see RFC 7517",
        "the keys at KEYS are not read, the old ones stay: [Errno 2] No such file or directory: "
        "'KEYS'",
        "tokens are verified with 1 keys",
        "the keys at KEYS are read again",
    ]


def within(seconds, holds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def test_a_wanted_key_is_looked_for_soon_but_not_often(caplog):
    """Thousands of unknown ids, over a second and a half, ask at most every half second."""
    server = KeyServer(key_set(RS))
    keys = TokenKeys(settings(server.url, retry_seconds=0.5, refresh_seconds=3600))
    try:
        keys.start()
        within(10, lambda: keys.current is not None)
        server.content = key_set(ES)
        start = time.monotonic()
        while time.monotonic() < start + 1.5:
            keys.want()
            time.sleep(0.001)
        elapsed = time.monotonic() - start
        within(10, lambda: list(keys.current.by_id) == ["e"])
        assert 2 <= len(server.asked) <= 3 + elapsed / 0.5
    finally:
        keys.stop()
        server.stop()
    assert "tenant" not in caplog.text


def test_a_first_read_that_fails_is_tried_again_without_being_wanted():
    server = KeyServer(key_set(RS), status=500)
    keys = TokenKeys(settings(server.url, retry_seconds=0.1, refresh_seconds=3600))
    try:
        keys.start()
        within(10, lambda: len(server.asked) > 2)
        assert keys.current is None
        server.status = 200
        within(10, lambda: keys.current is not None)
    finally:
        keys.stop()
        server.stop()
