"""The keys that tokens are verified with, and the thread that reads them anew.

What is read comes from the operator's settings alone: no token names a place. Of a key set (RFC
7517) a key is taken that has an id, is public, meant for signatures, of a kind that the settings
allow and not too small; every other one is refused by itself, with a line in the log.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec
from jwt.algorithms import get_default_algorithms

from core.errors import DaybreakError, InputError
from core.security_settings import SecuritySettings
from serving.web.key_source import read_keys, shown

MAX_KEYS = 100
"""Keys in a set; more is no key set of one signer."""
_RSA_BITS = (2_048, 8_192)
"""Below, a key can be broken (RFC 7518); above, each token costs as if it attacked."""
_KINDS = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_log = logging.getLogger("daybreak.serving")


class _Jwk(msgspec.Struct):
    """What is read of a key before it is taken; the other members are its numbers."""

    kty: str
    kid: str
    crv: str | None = None
    use: str | None = None
    key_ops: list[str] | None = None
    alg: str | None = None


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Key:
    """One key, and the algorithms that it is good for."""

    material: Any
    algorithms: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Keys:
    """All keys of one read.

    Attributes:
        by_id: each key by its id; a shared secret has the id None.
        content: the bytes that they were read from.
    """

    by_id: Mapping[str | None, Key]
    content: bytes


class TokenKeys:
    """The keys in force in one process; `current` is read by requests without a lock.

    Attributes:
        current: the last keys that could be read; None until some were. It is another object
            exactly when the keys are others.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.current: Keys | None = None
        self._settings = settings
        self._complaint = ""
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="key-watch", daemon=True)

    def start(self) -> None:
        """Begins to read the keys, now and again."""
        self._thread.start()

    def stop(self) -> None:
        """Ends that."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(timeout=0.5)

    def want(self) -> None:
        """Asks for a read before its time, for a key that is not known; returns at once."""
        self._wanted.set()

    def refresh(self) -> bool:
        """Reads the keys once; where that fails the old ones stay. Returns whether it did not."""
        source = self._settings.keys or self._settings.secret_file
        try:
            content = read_keys(source, self._settings.timeout_seconds)
            if self.current is None or content != self.current.content:
                self.current = parse_keys(content, self._settings)
                _log.info("tokens are verified with %d keys", len(self.current.by_id))
        except (DaybreakError, OSError) as error:
            # A connection fails in many words; what is wrong with the keys is told by name.
            complaint = "unreachable" if isinstance(error, OSError) else str(error)
            if complaint != self._complaint:
                has = "the old ones stay" if self.current else "no token is taken until they are"
                _log.error("the keys at %s are not read, %s: %s", shown(source), has, error)
            self._complaint = complaint
            return False
        if self._complaint:
            _log.info("the keys at %s are read again", shown(source))
        self._complaint = ""
        return True

    def _watch(self) -> None:
        settings = self._settings
        while True:
            self._wanted.clear()
            is_read = self.refresh()
            if self._stopping.wait(settings.retry_seconds):
                return
            if is_read:
                self._wanted.wait(max(0.0, settings.refresh_seconds - settings.retry_seconds))
            if self._stopping.is_set():
                return


def check_keys(settings: SecuritySettings) -> None:
    """Reads the keys once, where they are a file: a wrong name should be known at the start.

    Raises:
        InputError: the file can't be read, or holds no key that is good for a token.
    """
    source = settings.keys or settings.secret_file
    if "://" in source:  # may be away for a while
        return
    try:
        parse_keys(read_keys(source, settings.timeout_seconds), settings)
    except (InputError, OSError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        name = "keys" if settings.keys else "secret_file"
        raise InputError(f"[security] {name} {source}: {told}") from None


def parse_keys(content: bytes, settings: SecuritySettings) -> Keys:
    """Returns the keys that bytes hold: a key set, or the secret where the settings name one.

    Raises:
        InputError: they are no key set, or none of its keys is good for a token; or the secret is
            too short, or a public key.
    """
    if settings.secret_file:
        return Keys({None: _secret(content, settings)}, content)
    try:
        found = msgspec.json.decode(content, type=_KeySet).keys
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"they are no JSON Web Key Set ({error}); see RFC 7517") from None
    if len(found) > MAX_KEYS:
        raise InputError(
            f"they are {len(found)} keys, at most {MAX_KEYS} are read; remove old ones"
        )
    taken: dict[str | None, Key] = {}
    for place, members in enumerate(found, 1):
        try:
            name, key = _public_key(members, settings.algorithms)
            if name in taken:
                raise InputError("its id is another key's too")
        except InputError as error:
            _log.warning("key %d of %d is left out: %s", place, len(found), error)
        else:
            taken[name] = key
    if not taken:
        raise InputError(f"none of the {len(found)} keys is good for a token; see the log")
    return Keys(taken, content)


def _public_key(members: dict[str, Any], allowed: tuple[str, ...]) -> tuple[str, Key]:
    try:
        jwk = msgspec.convert(members, _Jwk)
    except msgspec.ValidationError as error:
        raise InputError(f"{error}; a key needs kty and kid") from None
    if not {"d", "p", "q", "k"}.isdisjoint(members):
        raise InputError("it holds a secret; publish the public part alone, and make a new key")
    if jwk.use not in (None, "sig") or "verify" not in (jwk.key_ops or ["verify"]):
        raise InputError("it is not meant for signatures")
    curve = None if jwk.kty == "RSA" else jwk.crv
    fits = tuple(
        name
        for name in _KINDS.get((jwk.kty, curve), ())
        if name in allowed and jwk.alg in (None, name)
    )
    if not fits:
        raise InputError(f"its kind is good for none of {', '.join(allowed)}")
    try:
        material = jwt.PyJWK(members, algorithm=fits[0]).key
        n_bits = material.key_size if jwk.kty == "RSA" else _RSA_BITS[0]
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        raise InputError("its numbers are no public key") from None
    if not _RSA_BITS[0] <= n_bits <= _RSA_BITS[1]:
        raise InputError(f"it has {n_bits} bits, which are not {_RSA_BITS[0]} to {_RSA_BITS[1]}")
    return jwk.kid, Key(material, fits)


def _secret(content: bytes, settings: SecuritySettings) -> Key:
    secret = content.rstrip(b"\r\n")
    for name in settings.algorithms:
        algorithm = get_default_algorithms()[name]
        try:
            algorithm.prepare_key(secret)
        except jwt.PyJWTError:
            raise InputError("the secret is empty or a public key; write a random one") from None
        if algorithm.check_key_length(secret):
            raise InputError(
                f"the secret has {len(secret)} bytes, fewer than {name} needs; write a longer one"
            )
    return Key(secret, settings.algorithms)
