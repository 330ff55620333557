"""Bearer tokens (RFC 6750): JSON Web Tokens, verified as RFC 8725 advises.

The algorithm, the issuer, the audience and the keys are the settings'; a token chooses among the
known keys by id, and says nothing else of how it is to be verified (`jku`, `jwk`, `x5u` and the
like are not read). A token is cached by its text with the keys that it was verified with.
"""

import base64
import re
import time
from typing import Any

import jwt
import msgspec

from core.security_settings import SecuritySettings
from serving.web.callers import Caller
from serving.web.parameters import parse_id
from serving.web.problems import Problem
from serving.web.token_keys import Key, Keys, TokenKeys

_COMPACT = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""The scheme in any case, and three parts without padding: one spelling of each token."""
_SCHEME_BYTES = 64
"""More than `Bearer` and the blanks behind it take."""
_END = 32
"""Characters at the end of a token by which it is found."""
_ENTRY_BYTES = 700
"""What a cached token takes beyond its text, at most."""
_Verified = tuple[str, Caller, float]
"""A header's text, who it stands for, and until when."""
_TYPES = (None, "JWT", "AT+JWT", "APPLICATION/AT+JWT")
"""What a token may say that it is: no other kind of the same signer's is taken for one of these."""
_OPTIONS: Any = {
    "require": ["exp", "iss", "aud", "sub"],
    "enforce_minimum_key_length": True,
}
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is another issuer's",
    jwt.MissingRequiredClaimError: "it lacks one of the claims exp, iss, aud and sub",
    jwt.InvalidSignatureError: "its signature is not that of its key",
}

MISSING = Problem(
    401, "this needs a header 'Authorization: Bearer …' with a token", challenge="Bearer"
)
"""What is said to one who brings no token."""
NO_KEYS = Problem(
    503,
    "the keys that verify tokens could not be read yet; try again later",
    kind="no-keys",
    title="No keys to verify tokens",
)
"""What is said while no token can be verified."""


class _Header(msgspec.Struct):
    """What is read of a token before its signature is verified."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: Any = msgspec.UNSET


class _Claims(msgspec.Struct):
    """What is read of a token whose signature and times are good."""

    sub: str
    exp: float
    client_id: str | None = None
    azp: str | None = None


class TokenVerifier:
    """Says who asks; one for each worker, used by its event loop alone.

    Args:
        settings: what a token must be, and where the keys are.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.keys = TokenKeys(settings)
        self._settings = settings
        self._seen: Keys | None = None
        self._verified = VerifiedTokens(settings.cache_mebibytes * 2**20)

    def start(self) -> None:
        """Begins to read the keys, in a thread."""
        self.keys.start()

    def stop(self) -> None:
        """Ends that."""
        self.keys.stop()

    @property
    def missing(self) -> Problem | None:
        """Why no token can be verified yet, if so."""
        return NO_KEYS if self.keys.current is None else None

    def known(self, authorization: str | None) -> Caller | None:
        """Returns who was verified by this very text, with the keys of now; None for nobody."""
        keys = self.keys.current
        if keys is not self._seen:
            self._seen = keys
            self._verified = VerifiedTokens(self._settings.cache_mebibytes * 2**20)
        return None if authorization is None else self._verified.find(authorization)

    def caller(self, authorization: str | None) -> Caller | Problem:
        """Returns who asks, or why that is not known; the token is in no problem's words.

        Args:
            authorization: the one `Authorization` header, None where there is none or several.
        """
        caller = self.known(authorization)
        if caller is not None:
            return caller
        if authorization is None:
            return MISSING
        keys = self._seen
        return NO_KEYS if keys is None else self._verify(authorization, keys)

    def _verify(self, authorization: str, keys: Keys) -> Caller | Problem:
        if len(authorization) > self._settings.max_token_bytes + _SCHEME_BYTES:
            return _invalid(f"it is longer than {self._settings.max_token_bytes:,} bytes")
        match = _COMPACT.fullmatch(authorization)
        if match is None:
            return _invalid("it is no signed JSON Web Token in the scheme Bearer")
        try:
            header = _header(match[1])
            key = self._key(header, keys)
            claims = jwt.decode(
                authorization[match.start(1) :],
                key.material,
                algorithms=[header.alg],
                options=_OPTIONS,
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds,
            )
            read = msgspec.convert(claims, _Claims)
            caller = _caller(read, claims, self._settings)
        except _Refused as error:
            return _invalid(str(error))
        except jwt.PyJWTError as error:
            return _invalid(_REASONS.get(type(error), "it is malformed"))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return _invalid("it is malformed")
        until = int(read.exp) + self._settings.leeway_seconds
        self._verified.add(authorization, caller, until)
        return caller

    def _key(self, header: _Header, keys: Keys) -> Key:
        if header.alg not in self._settings.algorithms:
            raise _Refused("it is signed in a way that is not taken here")
        if header.crit is not msgspec.UNSET or (header.typ and header.typ.upper()) not in _TYPES:
            raise _Refused("it is of another type")
        key = keys.by_id.get(None if self._settings.secret_file else header.kid)
        if key is None:
            if header.kid is None:
                raise _Refused("it names no key; have its signer write kid")
            self.keys.want()
            raise _Refused("the key that it names is not known")
        if header.alg not in key.algorithms:
            raise _Refused("its key is not for the algorithm that it names")
        return key


class VerifiedTokens:
    """Who a header's text stands for, bounded in bytes; what was long not asked for goes first.

    A text is found by its end, a part of the signature: to hash all of it takes longer than to
    compare it with the one text that ends so.

    Args:
        max_bytes: of memory, about.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes // 2
        self._n_bytes = 0
        self._young: dict[str, _Verified] = {}
        self._old: dict[str, _Verified] = {}

    def find(self, text: str) -> Caller | None:
        """Returns who was verified by this very text, unless that is over."""
        found = self._young.get(text[-_END:])
        if found is None:
            found = self._old.get(text[-_END:])
            if found is None:
                return None
            self._keep(found)
        known, caller, until = found
        return caller if known == text and time.time() < until else None

    def add(self, text: str, caller: Caller, until: float) -> None:
        """Keeps one until a moment in seconds since 1970."""
        self._keep((text, caller, until))

    def _keep(self, verified: _Verified) -> None:
        text = verified[0]
        size = len(text) + _ENTRY_BYTES
        if self._n_bytes + size > self._max_bytes:
            self._young, self._old, self._n_bytes = {}, self._young, 0
        self._n_bytes += size
        self._young[text[-_END:]] = verified


class _Refused(Exception):
    """A token is refused before or after its signature is looked at; the text says why."""


def _header(part: str) -> _Header:
    padded = part + "=" * (-len(part) % 4)
    return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Header)


def _caller(read: _Claims, claims: dict[str, Any], settings: SecuritySettings) -> Caller:
    # To the letter: two spellings of one name may be two accounts of the signer's.
    if parse_id(read.sub, "sub") != read.sub:
        raise _Refused("its subject is no user id: trimmed, in NFC, 1 to 256 bytes")
    roles = claims.get(settings.role_claim)
    names = roles.split() if isinstance(roles, str) else roles
    is_service = isinstance(names, list) and settings.service_role in names
    client = read.client_id or read.azp or read.sub
    if isinstance(parse_id(client, "client_id"), Problem):
        raise _Refused("its client is longer than 256 bytes, or blank")
    return Caller(read.sub, is_service, client)


def _invalid(reason: str) -> Problem:
    return Problem(401, f"the token is refused: {reason}", challenge='Bearer error="invalid_token"')
