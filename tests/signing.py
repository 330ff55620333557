"""A signer of tokens: its keys, the set that it publishes, and what it signs."""

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://id.example"
AUDIENCE = "daybreak"


def encoded(value: Any) -> str:
    """Returns a JSON value, or bytes, as a part of a token."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class SigningKey:
    """One key pair with its id."""

    def __init__(self, algorithm: str = "RS256", kid: str | None = "key-1", bits: int = 2048):
        self.algorithm, self.kid = algorithm, kid
        if algorithm[:2] in ("RS", "PS"):
            self.private: Any = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
            self.private = ec.generate_private_key(curve[algorithm]())

    def jwk(self, **members: Any) -> dict[str, Any]:
        """Returns the public part as a member of a key set; None removes a member."""
        return self._spelled(self.private.public_key(), members)

    def private_jwk(self) -> dict[str, Any]:
        """Returns what must never be published."""
        return self._spelled(self.private, {})

    def pem(self) -> bytes:
        """Returns the public part as PEM."""
        key = self.private.public_key()
        return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Returns a good token, with other claims and header fields as given; None removes one."""
        named = {"kid": self.kid} | (headers or {})
        fields = {key: value for key, value in named.items() if value is not None}
        return jwt.encode(self.claims(**claims), self.private, self.algorithm, fields)

    @staticmethod
    def claims(**others: Any) -> dict[str, Any]:
        """Returns the claims of a good token for ann."""
        now = int(time.time())
        whole = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": now, "exp": now + 600,
        } | others  # fmt: skip
        return {name: value for name, value in whole.items() if value is not None}

    def _spelled(self, key: Any, others: dict[str, Any]) -> dict[str, Any]:
        spell = {"R": RSAAlgorithm, "P": RSAAlgorithm, "E": ECAlgorithm}[self.algorithm[0]]
        if self.algorithm == "EdDSA":
            spell = OKPAlgorithm
        members = spell.to_jwk(key, as_dict=True) | {"kid": self.kid, "use": "sig"} | others
        return {name: value for name, value in members.items() if value is not None}


def key_set(*keys: SigningKey | dict[str, Any]) -> bytes:
    """Returns the bytes of a key set."""
    spelled = [key.jwk() if isinstance(key, SigningKey) else key for key in keys]
    return json.dumps({"keys": spelled}).encode()
