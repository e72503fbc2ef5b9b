"""Trying a feed's sign-in: the supplier is asked once, at once, and what came is said in words.

The feed's page in the admin and `try_sign_in` call it. No answer shows a secret.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from diamondhub.telemetry import scrub
from ingest.draining import Draining
from ingest.errors import (
    IngestError,
    PermanentSupplierError,
    SignInRefused,
    SupplierTooSlow,
    ThrottledBySupplier,
    TransientSupplierError,
)
from ingest.feeds.adapter import Adapter, Trying
from ingest.feeds.adapters import adapter_of
from ingest.models import Feed

#: Somebody waits for the answer in person, and a web process with them (seconds).
MAX_SECONDS = 12.0


class Outcome(enum.StrEnum):
    """What came of it."""

    OK = "ok"
    REFUSED = "refused"
    THROTTLED = "throttled"
    TOO_SLOW = "too slow"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not asked"


#: What each outcome means, before the supplier's own words.
MEANINGS = {
    Outcome.OK: "The sign-in works",
    Outcome.REFUSED: "The supplier refuses us",
    Outcome.THROTTLED: "The supplier says that it is asked too often, which says nothing of user and password",
    Outcome.TOO_SLOW: "The supplier did not answer in time",
    Outcome.UNREACHABLE: "The supplier cannot be reached, or its answer cannot be read",
    Outcome.NOT_ASKED: "The supplier was not asked",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a sign-in: `said` has the reason in words, `seconds` is how long all of it took."""

    outcome: Outcome
    said: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As rows and commands keep it."""
        return {**asdict(self), "outcome": str(self.outcome), "seconds": round(self.seconds, 2)}


def try_sign_in(feed: Feed, *, seconds: float = MAX_SECONDS) -> Tried:
    """Ask the feed's supplier whether it lets us in; takes `seconds` at most, and writes nothing."""
    try:
        adapter = adapter_of(feed)
    except IngestError as error:
        return Tried(Outcome.NOT_ASKED, scrub.reason(error), 0.0)
    return tried(adapter, seconds=seconds)


def tried(adapter: Adapter, *, seconds: float = MAX_SECONDS) -> Tried:
    """The same with an adapter of a feed that need not be there yet."""
    began = monotonic()
    outcome, said = Outcome.NOT_ASKED, f"{type(adapter).__name__} signs in nowhere"
    if isinstance(adapter, Trying):
        outcome, said = _outcome(adapter, seconds)
    return Tried(outcome, scrub.reason(said), monotonic() - began)


def in_words(value: dict[str, Any]) -> str:
    """What came of it in a line, from its JSON."""
    return f"{MEANINGS[Outcome(value['outcome'])]}: {value['said']} ({value['seconds']:.1f} s)"


def _outcome(adapter: Trying, seconds: float) -> tuple[Outcome, str]:
    try:
        return Outcome.OK, adapter.try_sign_in(seconds)
    except ThrottledBySupplier as error:
        again = f"; it asks us to stay away for {error.retry_after:.0f} s" if error.retry_after else ""
        return Outcome.THROTTLED, f"{error}{again}"
    except (SignInRefused, PermanentSupplierError) as error:
        return Outcome.REFUSED, str(error)
    except SupplierTooSlow as error:
        return Outcome.TOO_SLOW, str(error)
    except TransientSupplierError as error:
        return Outcome.UNREACHABLE, str(error)
    except (WaitTooLong, LimiterUnavailable, IngestError) as error:
        return Outcome.NOT_ASKED, str(error)
    except Draining:
        return Outcome.NOT_ASKED, "this process is being stopped: try again"
