"""The table of the doctor's checks: each app registers what it knows in its `operations.py`.

A check says what is wrong as findings, and what it saw as texts. What to do in detail stands under its name in
`docs/runbooks/doctor-finding.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from diamondhub.operations.problems.kinds import Severity

#: The longest statement of a check (seconds).
STATEMENT_SECONDS = 3.0
#: A check that is not over by then has failed, unless it says otherwise (seconds).
CHECK_SECONDS = 5.0
RUN_BOOK = "docs/runbooks/doctor-finding.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, in words, and what to do about it. `info` is to be known and is no fault."""

    words: str
    todo: str
    severity: Severity = Severity.WARNING


#: What a check says: findings, and texts of what it saw.
Said = Finding | str


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the deployment. `look` is called in a thread of its own and given up after `seconds`.

    `told_as` names the kinds of problems by which somebody is told already of what it finds; then it opens none of its own.
    """

    name: str
    asks: str
    look: Callable[[], Iterable[Said]]
    seconds: float = CHECK_SECONDS
    told_as: tuple[str, ...] = ()

    @property
    def run_book(self) -> str:
        """Where it stands what to do about its findings."""
        return f"{RUN_BOOK}#{self.name}"


_checks: dict[str, Check] = {}


def register(
    name: str, asks: str, *, seconds: float = CHECK_SECONDS, told_as: tuple[str, ...] = ()
) -> Callable[[Callable[[], Iterable[Said]]], Callable[[], Iterable[Said]]]:
    """Decorator: have a function asked by every examination. Raises `ImproperlyConfigured` if two have one name."""

    def add(look: Callable[[], Iterable[Said]]) -> Callable[[], Iterable[Said]]:
        if name in _checks:
            raise ImproperlyConfigured(f"doctor: two checks are called {name}")
        _checks[name] = Check(name, asks, look, seconds, told_as)
        return look

    return add


def table() -> list[Check]:
    """Every check, in the order of their names."""
    return [_checks[name] for name in sorted(_checks)]


@contextmanager
def database(*, seconds: float = STATEMENT_SECONDS) -> Iterator[CursorWrapper]:
    """A cursor whose statements are cancelled after `seconds`, as are those of models within the block."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{int(seconds * 1000)}ms"])
        yield cursor
        cursor.execute("SELECT set_config('statement_timeout', '0', true)")
