"""One token of the account for all processes: it lies encrypted in Redis, and one of them at a time signs in for a new one.

`NivodaClient` asks for a token when it has none or the supplier refused the one it had. The key of the encryption comes
from SECRET_KEY, endpoint, user name and password, so a token of one account is nothing to another, nor to whoever has the
wrong password: that shows at the next sign-in, not when the token ends.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import redis
import structlog
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.exceptions import LockError

from diamondhub import redis_clients
from diamondhub.pace.limiter import WaitTooLong
from diamondhub.telemetry import scrub
from ingest.draining import pause

log = structlog.get_logger(__name__)

#: The supplier's tokens live six hours; a little before, nobody takes up an old one any more (seconds).
LIFETIME_SECONDS = 6 * 3600.0 - 600.0
#: A process that died while it signed in keeps the others from it for this long at most: longer than a sign-in takes with
#: its wait for a slot, shorter than the lease of the walker that waits for it (seconds).
LOCK_SECONDS = 45.0
#: How long others wait for the one that signs in, and how often they look (seconds).
PATIENCE_SECONDS, LOOK_SECONDS = 10.0, 0.1

# Store a token unless somebody replaced what was read. KEYS[1]: the token; ARGV: what was read ('' for nothing), the new
# one, its life in milliseconds.
_SWAP = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class SigningInElsewhere(WaitTooLong):
    """Another process is signing in and takes its time; ask again a little later."""

    def __init__(self) -> None:
        super().__init__(1.0)
        self.args = ("another process is signing in to the supplier and takes its time",)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it may be used, on this process's monotonic clock. No representation or log shows it."""

    text: str
    until: float

    def __post_init__(self) -> None:
        if self.text:
            scrub.know(self.text)

    def __repr__(self) -> str:
        return "Token(…)"

    @property
    def usable(self) -> bool:
        """Whether there is one and its time is not over."""
        return bool(self.text) and monotonic() < self.until


NO_TOKEN = Token("", 0.0)


class Tokens(Protocol):
    """A source of a client's tokens."""

    def replace(self, outdated: str, sign_in: Callable[[], str], *, patience: float = PATIENCE_SECONDS) -> Token:
        """A token that is not `outdated`: one that is known already, or else the one that `sign_in` brings."""


class OwnTokens:
    """Tokens of this process alone."""

    def replace(self, outdated: str, sign_in: Callable[[], str], *, patience: float = PATIENCE_SECONDS) -> Token:
        """Sign in."""
        return Token(sign_in(), monotonic() + LIFETIME_SECONDS)


class SharedTokens:
    """The token that all processes of one account share. With Redis away each has its own, and the limiter lets none ask."""

    def __init__(self, endpoint: str, username: str, password: str, *, redis_url: str, secret: str) -> None:
        account = f"{endpoint}\0{username}".encode()
        info = b"diamondhub.supplier-token\0" + account + b"\0" + password.encode()
        key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret.encode())
        self._cipher = Fernet(base64.urlsafe_b64encode(key))
        self._key = f"supplier-token:{hashlib.sha256(account).hexdigest()[:32]}"
        self._redis = redis_clients.client(redis_url)
        self._swap = self._redis.register_script(_SWAP)

    def replace(self, outdated: str, sign_in: Callable[[], str], *, patience: float = PATIENCE_SECONDS) -> Token:
        """The shared token if it is another than `outdated`, else the one that this or another process signs in for.

        Raises `SigningInElsewhere` if that takes another process longer than `patience` seconds, `Draining`, and what
        `sign_in` raises.
        """
        lock = self._redis.lock(f"{self._key}:signing-in", timeout=LOCK_SECONDS, thread_local=False)
        try:
            known = self._wait(outdated, lambda: bool(lock.acquire(blocking=False)), patience)
        except redis.RedisError as error:
            log.warning("supplier_token_not_shared", error=type(error).__name__)
            return OwnTokens().replace(outdated, sign_in)
        if known is not None:
            return known
        try:
            return self._sign_in_once(outdated, sign_in)
        finally:
            with suppress(LockError, redis.RedisError):
                lock.release()

    def _wait(self, outdated: str, lock: Callable[[], bool], patience: float) -> Token | None:
        """Somebody's token, or None when it is up to this process to sign in."""
        give_up = monotonic() + patience
        while True:
            _, known = self._read()
            if known.usable and known.text != outdated:
                return known
            if lock():
                return None
            if monotonic() > give_up:
                raise SigningInElsewhere
            pause(LOOK_SECONDS)

    def _sign_in_once(self, outdated: str, sign_in: Callable[[], str]) -> Token:
        """Under the lock: who held it before may have signed in meanwhile; who lost it to the clock takes what is there."""
        try:
            stored, known = self._read()
        except redis.RedisError:
            stored, known = b"", NO_TOKEN
        if known.usable and known.text != outdated:
            return known
        fresh = Token(sign_in(), monotonic() + LIFETIME_SECONDS)
        try:
            encrypted = self._cipher.encrypt(fresh.text.encode())
            if self._swap(keys=[self._key], args=[stored, encrypted, int(LIFETIME_SECONDS * 1000)]):
                return fresh
            _, known = self._read()
        except redis.RedisError as error:
            log.warning("supplier_token_not_shared", error=type(error).__name__)
            return fresh
        return known if known.usable else fresh

    def _read(self) -> tuple[bytes, Token]:
        """The stored token, as it is and decrypted; a text that is not of this account is no token."""
        reading = self._redis.pipeline(transaction=True)
        reading.get(self._key)
        reading.pttl(self._key)
        stored, milliseconds = reading.execute()
        if stored is None:
            return b"", NO_TOKEN
        try:
            text = self._cipher.decrypt(stored).decode()
        except InvalidToken:
            return stored, NO_TOKEN
        return stored, Token(text, monotonic() + max(0, milliseconds) / 1000)
