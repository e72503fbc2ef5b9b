"""Who acts, by what means and why: told to the database before every statement that writes an audited table.

`acting` is entered where somebody begins to act: by the middleware, a management command, a Celery task, and by functions
that know a reason. Triggers (see `tracking`) read what was told from a setting that is local to the transaction, so that
pooled connections keep nothing of it. django-pghistory's own context manager is not used: it rewrites every statement,
which composed statements and those with a per cent sign but no parameters do not survive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

#: Who acts where nobody does: tasks and what follows from the course of things.
SYSTEM = "system"
#: The setting that django-pghistory's triggers read as well.
SETTING = "pghistory.context_metadata"
#: Longest texts that are kept (characters); a trigger must never fail for one that is too long.
MAX_LENGTHS = {"user": 150, "via": 200, "reason": 500, "request_id": 64}

#: A statement that may write, behind spaces and comments. What a lookahead has found is not divided anew, as by a possessive
#: repeat, with which Python before 3.11.5 goes wrong.
_WRITES = re.compile(
    r"(?=((?:\s|/\*.*?\*/|--[^\n]*\n)*))\1(?:INSERT|UPDATE|DELETE|MERGE|WITH)\b", re.IGNORECASE | re.DOTALL
)
_tables: set[str] = set()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts (`user`), by what means (`via`), why, and in the course of which request, command or task.

    A request's user is asked for when it is needed: to look would mark the answer as one that depends on cookies.
    """

    user: str | Callable[[], str] = ""
    via: str = ""
    reason: str = ""
    request_id: str = ""

    @property
    def told(self) -> str:
        """As the triggers read it: JSON, without what PostgreSQL's texts cannot hold."""
        user = self.user if isinstance(self.user, str) else self.user()
        texts = {"user": user, "via": self.via, "reason": self.reason, "request_id": self.request_id}
        return json.dumps({name: _storable(text)[: MAX_LENGTHS[name]] for name, text in texts.items() if text})


_current: ContextVar[Actor | None] = ContextVar("acting", default=None)


def _storable(text: str) -> str:
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


@contextmanager
def acting(
    user: str | Callable[[], str] = "", *, via: str = "", reason: str = "", request_id: str = ""
) -> Iterator[None]:
    """Name who acts in the block; what is not given stays as it was outside."""
    given: dict[str, Any] = {"user": user, "via": via, "reason": reason.strip(), "request_id": request_id}
    token = _current.set(replace(_current.get() or Actor(), **{name: value for name, value in given.items() if value}))
    try:
        yield
    finally:
        _current.reset(token)


def known_as(user: str) -> None:
    """Name who acts for the rest of the current `acting` block: in a request of the API that is known late."""
    actor = _current.get()
    if actor is not None:
        _current.set(replace(actor, user=user))


def audit_table(name: str) -> None:
    """Have statements that write this table told who acts."""
    _tables.add(name)


def listen(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Signal handler of new connections: tell each of them, once."""
    if _tell not in connection.execute_wrappers:
        connection.execute_wrappers.append(_tell)


def _tell(execute: Callable[..., Any], statement: Any, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wrapper of Django's cursors. Costs nothing but a look at the text for statements that write no audited table."""
    connection: BaseDatabaseWrapper = context["connection"]
    text = _text(statement, connection)
    if not (_WRITES.match(text) and any(table in text for table in _tables)):
        return execute(statement, parameters, many, context)
    actor = _current.get()
    if connection.in_atomic_block:
        # Also that nobody is known: an earlier statement of the transaction may have been somebody's.
        _set(context, actor)
        return execute(statement, parameters, many, context)
    if actor is None:
        return execute(statement, parameters, many, context)
    with transaction.atomic(using=connection.alias):
        _set(context, actor)
        return execute(statement, parameters, many, context)


def _text(statement: Any, connection: BaseDatabaseWrapper) -> str:
    if isinstance(statement, sql.Composable):
        return statement.as_string(connection.connection)
    return statement.decode("utf-8", "replace") if isinstance(statement, bytes) else str(statement)


def _set(context: dict[str, Any], actor: Actor | None) -> None:
    connection: BaseDatabaseWrapper = context["connection"]
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        # Past the wrappers, and also for `executemany`.
        context["cursor"].cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, actor.told if actor else ""])
