"""A signer of bearer tokens for a server that is measured with tokens on.

It signs by itself (RFC 7515 and 7518, RS256), so that the server's own library is held against
another hand's tokens.
"""

import base64
import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://signer.invalid"
AUDIENCE = "daybreak"
SERVICE_ROLE = "daybreak-service"
_KEY_ID = "bench"
_VALID_SECONDS = 86_400


class Signer:
    """An RSA key of 2,048 bits, whose public half lies in a file as a key set.

    Attributes:
        keys: that file.
    """

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        public = {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID,
            "n": _spelled(numbers.n.to_bytes(256)), "e": _spelled(numbers.e.to_bytes(3)),
        }  # fmt: skip
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps({"keys": [public]}), encoding="ascii")

    def token(self, subject: str, *roles: str) -> str:
        """Returns a token that is good for a day."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": list(roles),
            "iat": now, "nbf": now, "exp": now + _VALID_SECONDS,
        }  # fmt: skip
        head = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        signed = f"{_part(head)}.{_part(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_spelled(signature)}"


def _part(document: dict[str, Any]) -> str:
    return _spelled(json.dumps(document, separators=(",", ":")).encode())


def _spelled(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
