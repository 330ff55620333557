import pytest
from pydantic import ValidationError

from core.security_settings import SecuritySettings

GOOD = {"tokens": True, "issuer": "https://id.example", "audience": "daybreak", "keys": "keys.json"}
WITH_SECRET = {**GOOD, "keys": "", "secret_file": "secret", "algorithms": ("HS256",)}


@pytest.mark.parametrize(
    "given",
    [
        {},
        GOOD,
        WITH_SECRET,
        {**GOOD, "keys": "https://id.example/keys?tenant=1"},
        {**GOOD, "keys": "http://127.0.0.1:8000/keys"},
        {**GOOD, "keys": "http://[::1]/keys"},
        {**GOOD, "keys": "http://localhost/keys"},
        {**GOOD, "algorithms": ["ES384"]},
    ],
)
def test_what_can_be_meant(given):
    settings = SecuritySettings.model_validate(given)
    assert settings.tokens is given.get("tokens", False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({**GOOD, "issuer": ""}, "tokens need [security] issuer"),
        ({**GOOD, "audience": ""}, "tokens need [security] audience"),
        ({**GOOD, "keys": ""}, "either [security] keys or secret_file"),
        ({**GOOD, "secret_file": "s"}, "either [security] keys or secret_file"),
        ({**GOOD, "algorithms": ("HS256",)}, "need a secret_file"),
        ({**GOOD, "algorithms": ("RS256", "HS256")}, "need a secret_file"),
        ({**WITH_SECRET, "algorithms": ("RS256", "HS256")}, "HS256, HS384 and HS512 alone"),
        ({**WITH_SECRET, "algorithms": ("RS256",)}, "HS256, HS384 and HS512 alone"),
        ({**WITH_SECRET, "keys": "keys.json"}, "either [security] keys or secret_file"),
        ({"algorithms": ("none",)}, "Input should be"),
        ({"algorithms": ("rs256",)}, "Input should be"),
        ({"algorithms": ()}, "at least 1 item"),
        ({"keys": "http://id.example/keys"}, "over https://"),
        ({"keys": "http://localhost.example/keys"}, "over https://"),
        ({"keys": "http://127.0.0.1.example/keys"}, "over https://"),
        ({"keys": "http://127.0.0.1@id.example/keys"}, "a user, a password"),
        ({"keys": "https://me:secret@id.example/keys"}, "a user, a password"),
        ({"keys": "https://id.example/keys#1"}, "a fragment"),
        ({"keys": "https:///keys"}, "neither a file nor an https:// URL"),
        ({"keys": "file:///etc/keys"}, "neither a file nor an https:// URL"),
        ({"keys": "ftp://id.example/keys"}, "neither a file nor an https:// URL"),
        ({"keys": "https://id.example:0/keys"}, "port 0"),
        ({"keys": "https://id.example:x/keys"}, "Port could not be cast"),
        ({"keys": "https://id.example/ke\nys"}, "blanks or control characters"),
        ({"leeway_seconds": -1}, "greater than or equal to 0"),
        ({"leeway_seconds": float("nan")}, "finite number"),
        ({"leeway_seconds": 301}, "less than or equal to 300"),
        ({"refresh_seconds": 0}, "greater than or equal to 1"),
        ({"retry_seconds": 0}, "greater than or equal to 0.1"),
        ({"timeout_seconds": 61}, "less than or equal to 60"),
        ({"max_token_bytes": 511}, "greater than or equal to 512"),
        ({"service_role": "two words"}, "should match pattern"),
        ({"role_claim": ""}, "at least 1 character"),
        ({"cache_mebibytes": 0}, "greater than or equal to 1"),
        ({"algorithm": "RS256"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant(given, told):
    with pytest.raises(ValidationError) as refused:
        SecuritySettings.model_validate(given)
    assert told in refused.value.errors()[0]["msg"]
