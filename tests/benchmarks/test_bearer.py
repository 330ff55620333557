"""Tokens of the benchmarks' signer, read by another library."""

import json
import time

import jwt
import pytest

from benchmarks.bearer import AUDIENCE, ISSUER, SERVICE_ROLE, Signer


def test_a_token_is_good_for_its_key_set_alone(tmp_path):
    signer = Signer(tmp_path)
    token = signer.token("bench", SERVICE_ROLE)
    (public,) = json.loads(signer.keys.read_text())["keys"]
    assert set(public) == {"kty", "use", "alg", "kid", "n", "e"}  # no private part
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": public["kid"]}
    claims = jwt.decode(
        token, jwt.PyJWK(public).key, ["RS256"], audience=AUDIENCE, issuer=ISSUER,
        options={"require": ["exp", "iat", "nbf", "sub"]},
    )  # fmt: skip
    assert (claims["sub"], claims["roles"]) == ("bench", ["daybreak-service"])
    assert claims["exp"] > time.time() + 3_600
    (tmp_path / "other").mkdir()
    other = Signer(tmp_path / "other").token("bench", SERVICE_ROLE)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(other, jwt.PyJWK(public).key, ["RS256"], audience=AUDIENCE)
