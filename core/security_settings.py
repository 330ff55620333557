"""Who may ask the lookup service, as it stands under `[security]` in `daybreak.toml`."""

from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "HS256", "HS384", "HS512",
]  # fmt: skip


class SecuritySettings(BaseModel):
    """Bearer tokens: who signs them, for whom, and where the keys to verify them are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tokens: bool = False
    """Whether requests need a token. Off, everyone who reaches the server may ask for everyone."""
    unprotected: bool = False
    """Lets a server without tokens listen on an address that other machines reach."""
    issuer: str = Field(default="", max_length=2_048)
    """The `iss` that a token must have, to the letter."""
    audience: str = Field(default="", max_length=2_048)
    """The `aud` that a token must have, alone or among others."""
    keys: str = Field(default="", max_length=2_048)
    """The signer's public keys as a JSON Web Key Set: a file, or a URL that begins with https://
    (http:// for this machine's loopback)."""
    secret_file: str = Field(default="", max_length=2_048)
    """A file with the secret that tokens of HS256, HS384 or HS512 are signed with; in place of
    `keys`, never beside them."""
    algorithms: tuple[Algorithm, ...] = Field(default=("RS256", "ES256", "EdDSA"), min_length=1)
    """How tokens may be signed; what a token says of itself is held against it."""
    leeway_seconds: float = Field(default=30.0, ge=0, le=300, allow_inf_nan=False)
    """How far the signer's clock may be from this machine's."""
    refresh_seconds: float = Field(default=300.0, ge=1, le=86_400, allow_inf_nan=False)
    """Pause between two reads of the keys: how long a key that its owner withdrew is still good."""
    retry_seconds: float = Field(default=10.0, ge=0.1, le=3_600, allow_inf_nan=False)
    """Shortest pause between two reads, after one that failed or for a key that is not known."""
    timeout_seconds: float = Field(default=5.0, ge=0.1, le=60, allow_inf_nan=False)
    """Longest that one read of the keys takes."""
    max_token_bytes: int = Field(default=8_192, ge=512, le=16_384)
    """Longest token in bytes."""
    role_claim: str = Field(default="roles", min_length=1, max_length=256)
    """The claim that holds a token's roles: a list of texts, or one text with blanks between."""
    service_role: str = Field(default="daybreak-service", pattern=r"^\S{1,256}$")
    """The role that may ask for any user, and for the metrics and the inspector."""
    cache_mebibytes: int = Field(default=16, ge=1, le=1_024)
    """Memory for the tokens that each worker has verified."""

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        names = set(self.algorithms)
        with_secret = {name for name in names if name.startswith("HS")}
        if self.tokens:
            for name in ("issuer", "audience"):
                if not getattr(self, name):
                    raise ValueError(f"tokens need [security] {name}; set what the signer writes")
            if bool(self.keys) == bool(self.secret_file):
                raise ValueError("tokens need either [security] keys or secret_file; set one")
        if self.secret_file and with_secret != names:
            raise ValueError("a secret_file goes with HS256, HS384 and HS512 alone; set algorithms")
        if with_secret and not self.secret_file:
            raise ValueError("HS256, HS384 and HS512 need a secret_file, and no other algorithm")
        if "://" in self.keys:
            _check_url(self.keys)
        return self


def _check_url(url: str) -> None:
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("keys is a URL with blanks or control characters; encode it in percent")
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise ValueError("keys is neither a file nor an https:// URL; give one")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("keys is a URL with a user, a password or a fragment; leave that out")
    if parts.port == 0:
        raise ValueError("keys is a URL with port 0; give the port")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise ValueError("keys are read over https:// from other machines; give such a URL")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
