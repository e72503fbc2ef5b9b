"""Talking to Nivoda: one slot of the limiter a request, one sign-in for all threads, and every failure given its class.

Nothing here retries but an outdated token, once; when to try again is decided by those who call. Tokens come from
`ingest.feeds.nivoda.tokens`, which shares them between processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Generic

import msgspec
import requests
import structlog

from diamondhub.pace.limiter import Lane, Limiter, WaitTooLong
from ingest.draining import go_on
from ingest.errors import (
    SignInRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
    TransientSupplierError,
)
from ingest.feeds.nivoda.answers import Data, OutdatedToken, date_of, refusal
from ingest.feeds.nivoda.answers import decode as decode_as
from ingest.feeds.nivoda.query import SIGN_IN
from ingest.feeds.nivoda.tokens import NO_TOKEN, PATIENCE_SECONDS, OwnTokens, Tokens
from ingest.feeds.nivoda.transport import Transport

log = structlog.get_logger(__name__)

#: A sign-in that takes longer has failed: others wait for it (seconds).
SIGN_IN_SECONDS = 20.0
#: With less time left there is no use in asking (seconds).
MIN_SECONDS = 0.2


class _Token(msgspec.Struct):
    token: str


class _UsernameAndPassword(msgspec.Struct):
    username_and_password: _Token | None = None


class _Authentication(msgspec.Struct):
    authenticate: _UsernameAndPassword | None = None


@dataclass(frozen=True, slots=True)
class Answer(Generic[Data]):
    """A decoded answer. `elapsed` is seconds from sending to the last byte, `supplier_time` the `Date` header."""

    data: Data
    supplier_time: datetime | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class Manner:
    """The manner of a request: its lane, how long it waits for a slot, and how long its answer may take and be.

    `max_wait` is None for the limiter's own. `patience` is how long a sign-in by somebody else is waited for, `whole` how
    long all of it may take, a sign-in and a repetition included. Times are seconds, lengths bytes after decompression.
    """

    timeout: float
    lane: Lane = Lane.BULK
    max_wait: float | None = None
    patience: float = PATIENCE_SECONDS
    whole: float | None = None
    answer_limit: int | None = None

    def left(self, since: float) -> Manner:
        """The manner of what follows, when the whole began at `since` on the monotonic clock. Raises `SupplierTooSlow`."""
        if self.whole is None:
            return self
        left = since + self.whole - monotonic()
        if left < MIN_SECONDS:
            raise SupplierTooSlow
        return replace(self, timeout=min(self.timeout, left))


class Counting:
    """Whoever counts what becomes of requests; this one counts nothing."""

    def answered(self) -> None:
        """A request was answered as it should be."""

    def throttled(self) -> None:
        """A request was refused, since there were too many."""

    def failed(self, said: str) -> None:
        """A request brought no answer, or one that is none."""

    def signed_in(self) -> None:
        """The supplier took user and password."""

    def sign_in_refused(self, said: str) -> None:
        """The supplier refused user or password."""


class NivodaClient:
    """One account at one endpoint; safe to share between threads.

    `before_request` is called before each request, a sign-in and a repetition included; what it raises is let through.
    """

    def __init__(
        self,
        endpoint: str,
        username: str,
        password: str,
        limiter: Limiter,
        *,
        timeout: float,
        tokens: Tokens | None = None,
        counts: Counting | None = None,
        before_request: Callable[[], object] = lambda: None,
    ) -> None:
        self._transport = Transport(endpoint, limiter)
        self._username = username
        self._password = password
        self._limiter = limiter
        self._manner = Manner(timeout)
        self._tokens = OwnTokens() if tokens is None else tokens
        self._token = NO_TOKEN
        self._counts = counts or Counting()
        self._before_request = before_request
        self._signing_in = threading.Lock()

    def ask(
        self, text: str, variables: dict[str, Any], shape: type[Data], *, timeout: float | None = None
    ) -> Answer[Data]:
        """Ask one query (which takes `$token`) and decode its `data` as `shape`. Raises a `SupplierError`.

        `timeout` (seconds) may be shorter than the client's. An outdated token is renewed and the query asked again, once;
        that takes a slot of its own.
        """
        manner = self._manner if timeout is None else replace(self._manner, timeout=min(self._manner.timeout, timeout))
        return self.ask_for(text, variables, partial(decode_as, shape=shape, signing_in=False), manner)

    def ask_for(
        self,
        text: str,
        variables: dict[str, Any],
        decode: Callable[[requests.Response, bytes], Data],
        manner: Manner,
    ) -> Answer[Data]:
        """As `ask`, in a manner of one's own; `decode` gets the answer and its body, and raises what `ask` raises."""
        began = monotonic()
        token = self._usable() or self.sign_in(instead_of="", manner=manner).data
        try:
            return self._post(text, {**variables, "token": token}, decode, manner.left(began))
        except OutdatedToken:
            token = self.sign_in(instead_of=token, manner=manner.left(began)).data
        try:
            return self._post(text, {**variables, "token": token}, decode, manner.left(began))
        except OutdatedToken as error:
            raise TransientSupplierError(f"the supplier refuses a token that it has just given: {error}") from error

    def sign_in(self, *, instead_of: str, manner: Manner | None = None) -> Answer[str]:
        """Get a token, unless another thread or process has replaced `instead_of` already. Raises a `SupplierError`."""
        manner = manner or self._manner
        if not self._signing_in.acquire(timeout=manner.patience + (SIGN_IN_SECONDS if manner.whole is None else 0)):
            raise WaitTooLong(1.0)
        try:
            known = self._usable()
            if known and known != instead_of:
                return Answer(known, None, 0.0)
            given: list[Answer[str]] = []

            def ask_for_one() -> str:
                given.append(self._request_token(manner))
                return given[0].data

            self._token = self._tokens.replace(instead_of, ask_for_one, patience=manner.patience)
            if given and given[0].data == self._token.text:
                log.info("supplier_signed_in")
                return given[0]
            return Answer(self._token.text, None, 0.0)
        finally:
            self._signing_in.release()

    def try_sign_in(self, manner: Manner) -> float:
        """Sign in with user and password, whatever tokens are known, and keep no token; returns the seconds it took.

        Raises what `sign_in` raises.
        """
        return self._request_token(manner).elapsed

    def _usable(self) -> str:
        token = self._token
        return token.text if token.usable else ""

    def _request_token(self, manner: Manner) -> Answer[str]:
        credentials = {"username": self._username, "password": self._password}
        manner = replace(manner, timeout=min(manner.timeout, SIGN_IN_SECONDS))
        decode: Callable[[requests.Response, bytes], _Authentication] = partial(
            decode_as, shape=_Authentication, signing_in=True
        )
        try:
            answer = self._granted(decode, credentials, manner)
        except SignInRefused as error:
            self._counts.sign_in_refused(str(error))
            raise
        self._counts.signed_in()
        return answer

    def _granted(
        self,
        decode: Callable[[requests.Response, bytes], _Authentication],
        credentials: dict[str, str],
        manner: Manner,
    ) -> Answer[str]:
        try:
            answer = self._post(SIGN_IN, credentials, decode, manner)
        except OutdatedToken as error:
            raise SignInRefused(refusal(str(error))) from error
        granted = answer.data.authenticate and answer.data.authenticate.username_and_password
        if not granted or not granted.token:
            raise SignInRefused(refusal("it gave no token"))
        return Answer(granted.token, answer.supplier_time, answer.elapsed)

    def _post(
        self,
        text: str,
        variables: dict[str, Any],
        decode: Callable[[requests.Response, bytes], Data],
        manner: Manner,
    ) -> Answer[Data]:
        """Ask once, and count what came of it."""
        try:
            answer = self._post_once(text, variables, decode, manner)
        except ThrottledBySupplier:
            self._counts.throttled()
            raise
        except (OutdatedToken, SignInRefused):
            self._counts.answered()
            raise
        except SupplierError as error:
            self._counts.failed(str(error))
            raise
        self._counts.answered()
        return answer

    def _post_once(
        self,
        text: str,
        variables: dict[str, Any],
        decode: Callable[[requests.Response, bytes], Data],
        manner: Manner,
    ) -> Answer[Data]:
        body = msgspec.json.encode({"query": text, "variables": variables})
        go_on()
        self._before_request()
        received = self._transport.post(
            body,
            lane=manner.lane,
            max_wait=manner.max_wait,
            timeout=manner.timeout,
            answer_limit=manner.answer_limit,
        )
        answer = received.body
        if token := variables.get("token"):
            # A supplier that repeats it would have it in our logs, rows and answers.
            answer = answer.replace(token.encode(), b"...")
        try:
            return Answer(decode(received.response, answer), date_of(received.response), received.elapsed)
        except ThrottledBySupplier as error:
            self._limiter.penalize(received.slot, retry_after=error.retry_after)
            raise
        finally:
            # It answered, whatever it said.
            self._limiter.succeeded(received.slot)
