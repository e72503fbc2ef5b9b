"""What is planted for the doctor to find, and how its findings are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from diamondhub.operations.doctor.checks import Finding, Said


def findings(check: Callable[[], Iterable[Said]]) -> list[Finding]:
    """What is wrong."""
    return [said for said in check() if isinstance(said, Finding)]


def severities(check: Callable[[], Iterable[Said]]) -> list[str]:
    """How bad each finding is."""
    return [finding.severity.value for finding in findings(check)]


def words(check: Callable[[], Iterable[Said]]) -> str:
    """All that a check says is wrong, and what to do."""
    return "\n".join(f"{finding.words}\n{finding.todo}" for finding in findings(check))


@contextmanager
def server_that_says(answers: Mapping[str, str]) -> Iterator[None]:
    """PostgreSQL, but with pieces of statements replaced: for what no test may do to a server that others use as well."""

    def asked(execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        for piece, instead in answers.items():
            statement = statement.replace(piece, instead)
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(asked):
        yield


@contextmanager
def another_session() -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else's in the tests' database."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    with psycopg.connect(**{**parameters, "application_name": "somebody", "autocommit": True}) as session:
        yield session


def advised(said: str) -> list[str]:
    """The statements for a database that words tell people to execute."""
    return re.findall(r"`((?:SELECT|DROP|VACUUM|ROLLBACK) [^`]+)`", said)


def sql(statement: str, *parameters: Any) -> None:
    """Run a statement in Django's session."""
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters) or None)
