"""One try at telling a receiver: a POST that ends in time, follows nothing, and believes nothing but the status."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from diamondhub import retry_after
from diamondhub.outgoing import Deadline, Forbidden, session

#: A receiver has so long for everything: connecting, TLS, answering (seconds).
SECONDS = 10.0
#: So much of an answer's body is read, so that the connection ends well; nothing is made of it (bytes).
MAX_ANSWER = 1_024
#: Longest pause that a receiver's `Retry-After` is believed for: as long as the longest of our own (seconds).
MAX_RETRY_AFTER = 12 * 3600.0
#: Statuses by which a receiver may ask to be left alone for a while.
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class NotSent(Exception):
    """The receiver was not told; the message says why, in words for its owner.

    `status` is that of its answer, if any, and `wait` for how long it asks to be left alone (seconds).
    """

    def __init__(self, message: str, *, status: int | None = None, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.wait = wait

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == HTTPStatus.GONE


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a message; returns the status of the receiver's answer, 2xx. Raises `NotSent`."""
    try:
        with Deadline(SECONDS) as deadline, session(settings.WEBHOOK_HOSTS, connected=deadline.watch) as http:
            status, wait = _answered(http, url, body, headers, deadline)
    except Forbidden:
        raise NotSent("its host has an address that is not public") from None
    except requests.exceptions.SSLError:
        raise NotSent("its certificate cannot be trusted") from None
    except requests.exceptions.ConnectTimeout:
        raise NotSent("it could not be reached in time") from None
    except requests.exceptions.Timeout:
        raise NotSent(f"it did not answer within {SECONDS:g} seconds") from None
    except requests.exceptions.ConnectionError:
        raise NotSent("it could not be reached, or broke off") from None
    except (requests.RequestException, HTTPError, OSError, ValueError):
        raise NotSent("its answer is not HTTP") from None
    if HTTPStatus(200) <= status < HTTPStatus(300):
        return status
    follow = "; redirects are not followed" if 300 <= status < 400 else ""
    raise NotSent(f"it answered {status}{follow}", status=status, wait=wait)


def _answered(
    http: requests.Session, url: str, body: bytes, headers: dict[str, str], deadline: Deadline
) -> tuple[int, float]:
    """The status of the receiver's answer, and for how long it asks to be left alone (seconds)."""
    told = {"Content-Type": "application/json", "User-Agent": "DiamondHub-Webhooks/1", "Accept-Encoding": "identity"}
    try:
        with http.post(
            url, data=body, headers={**told, **headers}, timeout=SECONDS, stream=True, allow_redirects=False
        ) as answer:
            if deadline.over:
                # A head that was cut off reads like one that ended.
                raise requests.exceptions.ReadTimeout
            with suppress(HTTPError, OSError):
                answer.raw.read(MAX_ANSWER)
            asked = retry_after.seconds_of(answer.headers, at_most=MAX_RETRY_AFTER)
            return int(answer.status_code), asked if asked and answer.status_code in _LATER else 0.0
    except (requests.RequestException, HTTPError, OSError) as error:
        if deadline.over and not isinstance(error, Forbidden):
            raise requests.exceptions.ReadTimeout from None
        raise
