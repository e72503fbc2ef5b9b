"""Keys of sealed secrets are rotated without losing a value, and a key that is still needed is told of."""

from __future__ import annotations

import io
import json
import os
import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from diamondhub.access import sealed
from diamondhub.access.checks import check_encryption_keys, encryption_keys_are_there
from diamondhub.audit.tracking import AUDITED
from ingest import feed_secrets
from ingest.models import Feed, FeedSecret
from ingest.tests.sealed_secrets import NEW, OLD, SECRET, account  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def rotate(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("rotate_secrets", as_json=True, stdout=out, **options)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def many(number: int) -> list[Feed]:
    feeds = [
        Feed.objects.create(
            slug=f"f{n}", name=f"F{n}", adapter="nivoda", parameters={"labgrown": True, "username": f"u{n}"}
        )
        for n in range(number)
    ]
    for each in feeds:
        feed_secrets.set_secret(each, "password", f"password of {each.slug}")
    return feeds


def test_rotation_seals_everything_by_the_newest_key(settings: Any) -> None:
    feeds = many(5)
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"

    tried = rotate(dry_run=True)
    told = rotate()

    assert (tried["resealed"], tried["left"], tried["in_use"]) == (5, 5, {"1": 5})
    assert (told["resealed"], told["left"], told["in_use"], told["unneeded"]) == (5, 0, {"2": 5}, [1])
    settings.ENCRYPTION_KEYS = f"2:{NEW}"
    assert [feed_secrets.opened(each)["password"] for each in feeds] == [f"password of f{n}" for n in range(5)]
    assert rotate()["resealed"] == 0


def test_rotation_writes_nothing_into_the_history(settings: Any) -> None:
    many(1)
    events = AUDITED["ingest.feedsecret"].events.objects.count()
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"

    rotate()

    assert AUDITED["ingest.feedsecret"].events.objects.count() == events


def test_rotation_that_was_interrupted_goes_on_where_it_was(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    many(6)
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    done = 0
    reseal = sealed._reseal

    def dies_in_the_third_batch(*args: Any, **kwargs: Any) -> None:
        nonlocal done
        done += 1
        if done == 6:
            raise KeyboardInterrupt
        reseal(*args, **kwargs)

    monkeypatch.setattr(sealed, "_reseal", dies_in_the_third_batch)
    with pytest.raises(KeyboardInterrupt):
        sealed.rotate(batch_rows=2)
    monkeypatch.undo()
    with connection.cursor() as cursor:
        assert sealed.versions_in_use(cursor) == {2: 4, 1: 2}

    rotation = sealed.rotate(batch_rows=2)

    assert (rotation.resealed, rotation.left) == (2, 0)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_rotation_that_is_killed_loses_nothing_and_is_finished_by_the_next(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds = many(7)
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    done = 0
    reseal = sealed._reseal

    def killed_within_the_third_batch(*args: Any, **kwargs: Any) -> None:
        nonlocal done
        reseal(*args, **kwargs)
        done += 1
        if done == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(sealed, "_reseal", killed_within_the_third_batch)
    # Each process has a connection of its own.
    connection.close()
    rotating = os.fork()
    if not rotating:
        try:
            sealed.rotate(batch_rows=2)
        finally:
            os._exit(1)
    _, status = os.waitpid(rotating, 0)
    monkeypatch.undo()
    with connection.cursor() as cursor:
        half_way = sealed.versions_in_use(cursor)
    opened = [feed_secrets.opened(feed)["password"] for feed in feeds]
    out = io.StringIO()
    call_command("rotate_secrets", as_json=True, stdout=out)

    assert os.WTERMSIG(status) == signal.SIGKILL
    # Whole batches, and nothing of the one that was under way.
    assert half_way == {2: 4, 1: 3}
    assert opened == [f"password of {feed.slug}" for feed in feeds]
    told = json.loads(out.getvalue())
    assert (told["resealed"], told["left"], told["unopened"], told["unneeded"]) == (3, 0, [], [1])
    settings.ENCRYPTION_KEYS = f"2:{NEW}"
    assert [feed_secrets.opened(feed)["password"] for feed in feeds] == opened


def test_a_value_set_meanwhile_is_not_overwritten_by_the_rotation(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rosy,) = many(1)
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    reseal = sealed._reseal

    def after_somebody_set_it(*args: Any, **kwargs: Any) -> None:
        feed_secrets.set_secret(rosy, "password", SECRET)
        reseal(*args, **kwargs)

    monkeypatch.setattr(sealed, "_reseal", after_somebody_set_it)
    sealed.rotate()

    assert feed_secrets.opened(rosy) == {"password": SECRET}


def test_values_that_do_not_open_are_told_and_the_others_rotated(settings: Any) -> None:
    feeds = many(3)
    FeedSecret.objects.filter(feed=feeds[1]).update(destination="elsewhere")
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    out = io.StringIO()

    with pytest.raises(CommandError, match="1 values still need another key than version 2"):
        call_command("rotate_secrets", as_json=True, stdout=out)

    told = json.loads(out.getvalue())
    assert (told["resealed"], told["left"], told["unneeded"]) == (2, 1, [])
    assert "does not open" in told["unopened"][0]


def test_a_key_that_is_still_needed_is_not_taken_out_unseen(settings: Any) -> None:
    many(2)
    settings.ENCRYPTION_KEYS = f"2:{NEW}"

    (error,) = check_encryption_keys(databases=["default"])

    assert error.id == "access.E011"
    assert "version 1 (2 values)" in error.msg
    with pytest.raises(CommandError, match="2 values still need another key"):
        call_command("rotate_secrets", stdout=io.StringIO())
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    assert check_encryption_keys(databases=["default"]) == []


def test_health_tells_of_secrets_whose_key_is_gone_and_names_none(settings: Any) -> None:
    many(2)
    with connection.cursor() as cursor:
        before = encryption_keys_are_there(cursor)
        settings.ENCRYPTION_KEYS = f"2:{NEW}"
        lost = encryption_keys_are_there(cursor)
        settings.ENCRYPTION_KEYS = ""
        without_any = encryption_keys_are_there(cursor)

    assert (before.ok, lost.ok, without_any.ok) == (True, False, False)
    assert lost.detail == without_any.detail == "2 sealed secret(s) cannot be opened, since their key is gone"


def test_bringing_the_database_up_to_date_stops_at_a_key_that_is_missing(settings: Any) -> None:
    many(2)
    settings.ENCRYPTION_KEYS = f"2:{NEW}"

    with pytest.raises(SystemCheckError, match=r"version 1 \(2 values\)"):
        call_command("migrate", verbosity=0, skip_checks=False)


def test_a_key_that_is_missing_hides_no_other_migration(settings: Any) -> None:
    many(2)
    with connection.cursor() as cursor:
        # As it is before the migration that adds a sealed column.
        cursor.execute("ALTER TABLE webhooks_subscription DROP COLUMN previous_secret")

        assert sealed.versions_in_use(cursor) == {1: 2}


def test_no_audited_model_records_a_sealed_column() -> None:
    for model, column in sealed.sealed_columns():
        events = AUDITED[model._meta.label_lower].events
        assert column.name not in {each.name for each in events._meta.get_fields()}, model
