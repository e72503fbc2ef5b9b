"""Run books: every command in them does what it says, on a feed, a run, letters and keys that are there."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from diamondhub.access.clients import create_client
from diamondhub.operations.doctor import checks
from diamondhub.operations.doctor.tests.planting import advised, another_session
from diamondhub.operations.problems import kinds, runbooks
from ingest import dead_letters, pausing
from ingest.errors import MappingError
from ingest.models import DeadLetter, Feed
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from pricing import reprice

pytestmark = pytest.mark.django_db

#: The run books by their kinds.
TEXTS = {kind.name: runbooks.text_of(kind.name) or "" for kind in kinds.all_kinds()}
#: Commands that stand in a sentence.
IN_SENTENCES = re.compile(r"`(python3 manage\.py [^`]+)`")
#: A program that goes on until it is stopped; `test_up` and the tests of the index start it.
GOES_ON = "python3 manage.py index"
#: Each command once.
COMMANDS = sorted(
    {
        command
        for text in TEXTS.values()
        for command in (*runbooks.commands_of(text), *IN_SENTENCES.findall(text))
        if command != GOES_ON
    }
)
#: Each statement for a database once.
STATEMENTS = sorted(
    {
        statement.strip()
        for text in TEXTS.values()
        for fence in re.findall(r"^```sql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for statement in fence.split(";")
        if statement.strip()
    }
)
#: Statements for a database that stand in a sentence.
STATEMENTS_IN_SENTENCES = sorted({statement for text in TEXTS.values() for statement in advised(text)})


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(30)))


def whole(supplier: MemorySupplier) -> int:
    return factories.settled().pk


def in_part(supplier: MemorySupplier) -> int:
    run = factories.settled(partial_delay_seconds=0, max_partition_stones=10)
    run.partitions.filter(pk=run.partitions.earliest("pk").pk).update(state="failed", failure="it broke")
    return run.pk


def in_review(supplier: MemorySupplier) -> int:
    factories.settled()
    supplier.shelf = supplier.shelf[:20]
    run = factories.settled()
    assert run.state == "in_review"
    return run.pk


def live(supplier: MemorySupplier) -> int:
    return factories.start().pk


def with_letters(supplier: MemorySupplier) -> int:
    for stone in supplier.shelf[:3]:
        stone.says["cost_cents"] = 0
    return factories.settled(error_budget=1.0).pk


def cause(supplier: MemorySupplier) -> str:
    """The cause of parked letters that a mended mapper would take."""

    def breaks(item: bytes) -> None:
        if b"S-0000" in item:
            raise MappingError("shape", "is none that we know")

    supplier.before_mapping = breaks
    run = factories.settled(error_budget=1.0)
    DeadLetter.objects.filter(run=run).update(state=DeadLetter.State.PARKED)
    supplier.before_mapping = lambda _: None
    return DeadLetter.objects.filter(run=run).values_list("fingerprint", flat=True)[0]


def message(supplier: MemorySupplier) -> str:
    dead_letters.record_message("ingest.tasks.walk", ["seventeen"], reason="is no number")
    return DeadLetter.objects.get().fingerprint


def feed(supplier: MemorySupplier) -> str:
    factories.settled()
    return Feed.objects.get(slug="memory").slug


def paused(supplier: MemorySupplier) -> str:
    slug = feed(supplier)
    pausing.pause("feed", slug, minutes=60, by="olga", reason="its prices are wrong")
    return slug


def key(supplier: MemorySupplier) -> str:
    return f"dh_{create_client('shop', scopes=['catalog:read']).key.key_id}"


def client(supplier: MemorySupplier) -> str:
    return create_client("shop", scopes=["catalog:read"]).key.client.name


def repricing(supplier: MemorySupplier) -> int:
    factories.feed()
    return reprice.start(cause="a test", actor="eve").pk


#: What stands in commands, and how a test gets one.
PLACES: dict[str, Callable[[MemorySupplier], Any]] = {
    "<run>": in_part,
    "<review>": in_review,
    "<live>": live,
    "<letters>": with_letters,
    "<fingerprint>": cause,
    "<message>": message,
    "<feed>": feed,
    "<paused>": paused,
    "<key>": key,
    "<client>": client,
    "<repricing>": repricing,
}
#: Commands that say by their status that not all is well, which in a test it is not.
MAY_EXIT = {
    # It waits for a person.
    "python3 manage.py watch_run <review>",
    # There is no builder in a test.
    "python3 manage.py index --status",
    # Nothing sweeps in a test.
    "python3 manage.py doctor",
}


#: It reads the catalogue in a transaction of its own.
INDEX_ONCE = "python3 manage.py index --once"


@pytest.mark.django_db(transaction=True)
def test_the_index_is_brought_up_to_date_as_its_run_book_says(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.INDEX_DIR = tmp_path

    call_command(*shlex.split(INDEX_ONCE)[2:])

    assert INDEX_ONCE in COMMANDS
    assert "the newest version" in capsys.readouterr().out


@pytest.mark.timeout(600, func_only=True)
@pytest.mark.parametrize("command", [command for command in COMMANDS if command != INDEX_ONCE])
def test_a_command_of_a_run_book_does_what_it_says(
    command: str, supplier: MemorySupplier, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, make in PLACES.items():
        if place in command:
            command_line = command.replace(place, str(make(supplier)))
            break
    else:
        factories.feed()
        command_line = command
    # A check that is late on a busy machine would be a finding.
    patient = {name: replace(check, seconds=60.0) for name, check in checks._checks.items()}
    monkeypatch.setattr(checks, "_checks", patient)
    python, program, name, *arguments = shlex.split(command_line)
    assert (python, program) == ("python3", "manage.py")

    with transaction.atomic():
        if command in MAY_EXIT:
            with pytest.raises((SystemExit, CommandError)):
                call_command(name, *arguments)
        else:
            call_command(name, *arguments)

    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_of_a_run_book_can_be_executed(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

        assert cursor.rowcount == 1


@pytest.mark.parametrize("statement", STATEMENTS_IN_SENTENCES)
def test_a_statement_in_a_sentence_of_a_run_book_can_be_executed(statement: str) -> None:
    slot = f"planted_{os.getpid()}"
    with another_session() as session, another_session() as other:
        if "<name>" in statement:
            other.execute("SELECT pg_create_physical_replication_slot(%s)", [slot])
        filled = statement.replace("<pid>", str(other.info.backend_pid)).replace("<name>", slot)
        # The whole database takes long, and others work in it.
        filled += " ingest_feed" if filled == "VACUUM (FREEZE)" else ""

        done = session.execute(filled.encode())

        assert done.statusmessage == "VACUUM" or done.rowcount >= 1
        assert "<" not in filled


def test_nothing_stands_in_a_run_book_that_is_not_executed_here() -> None:
    for kind, text in TEXTS.items():
        fences = re.findall(r"^[ \t]*```(.*)$", text, re.MULTILINE)
        assert set(fences[::2]) <= {"sh", "sql"}, kind
        assert set(fences[1::2]) <= {""}, kind
        assert not re.findall(r"^[ \t]+```", text, re.MULTILINE), kind
        lines = {line.strip() for line in text.splitlines() if line.strip().startswith(("python3 ", "$ "))}
        assert lines <= set(COMMANDS), kind


def test_run_books_have_commands_at_all_and_each_place_in_them_is_known() -> None:
    assert len(COMMANDS) > 40
    assert len(STATEMENTS) >= 1
    assert len(STATEMENTS_IN_SENTENCES) >= 3
    assert all("<" not in command or any(place in command for place in PLACES) for command in COMMANDS)
