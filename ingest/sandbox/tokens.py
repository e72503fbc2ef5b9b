"""Sign-in: passwords are exchanged for tokens, which live some hours and can all be made to expire at once."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable

#: Life of the supplier's tokens: six hours.
TOKEN_SECONDS = 6 * 3600.0


class SignInFailed(Exception):
    """Wrong username or password: sign-in is refused."""


class TokenRefused(Exception):
    """The token is invalid or has expired: unauthorised."""


class Tokens:
    """The tokens of one account. `clock` gives seconds."""

    def __init__(
        self, username: str, password: str, clock: Callable[[], float], *, seconds: float = TOKEN_SECONDS
    ) -> None:
        self._credentials = f"{username}\0{password}".encode()
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._expiries: dict[str, float] = {}

    def sign_in(self, username: str, password: str) -> str:
        """A new token. Raises `SignInFailed`."""
        if not hmac.compare_digest(self._credentials, f"{username}\0{password}".encode()):
            raise SignInFailed("Wrong username or password: sign-in is refused")
        now = self._clock()
        token = f"sandbox.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._expiries = {known: expiry for known, expiry in self._expiries.items() if expiry > now - self._seconds}
            self._expiries[token] = now + self._seconds
        return token

    def check(self, token: str) -> None:
        """Raise `TokenRefused` for a token that was never issued, or has expired."""
        expiry = self._expiries.get(token)
        if expiry is None:
            raise TokenRefused("Invalid token: unauthorized")
        if expiry <= self._clock():
            raise TokenRefused("jwt expired: the token is expired, sign in again")

    def expire_all(self) -> None:
        """Expire all tokens that were issued so far."""
        with self._lock:
            now = self._clock()
            self._expiries = {token: min(expiry, now) for token, expiry in self._expiries.items()}
