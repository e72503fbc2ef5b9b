"""`Idempotency-Key` from outside: what is asked twice is done once, at once or one after another, whatever fails between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client

from diamondhub.access.clients import create_client
from diamondhub.api import idempotency, operations
from diamondhub.api.models import IdempotentRequest
from diamondhub.audit.models import AuditEvent
from diamondhub.operations import pruning
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.tests.threads import at_once
from pricing import reprice
from pricing.models import Repricing, RuleSet
from pricing.tests.asking import EDIT, PUBLISH, READ, problem, send, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def start(http: Client, key: str | None, reason: str = "spring") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return send(http, "post", "repricings", {"reason": reason}, headers=headers)


@pytest.fixture
def http() -> Client:
    return signed_in(READ, EDIT, PUBLISH)


def test_a_request_that_is_repeated_acts_once_and_is_answered_as_before(http: Client) -> None:
    key = str(uuid4())

    first = start(http, key)
    again = start(http, key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Repricing.objects.count() == 1


def test_without_a_key_every_request_acts(http: Client) -> None:
    start(http, None)
    start(http, None)

    assert Repricing.objects.count() == 2
    assert not IdempotentRequest.objects.exists()


def test_a_publication_that_is_repeated_publishes_once(http: Client) -> None:
    draft = a_draft()
    address, headers = f"rule-sets/{draft.version}/publication", {"Idempotency-Key": "publish-spring"}
    body = {"reason": "spring", "revision": draft.revision}

    first = send(http, "post", address, body, headers=headers)
    told = AuditEvent.objects.filter(kind="pricing.ruleset", object_id=draft.pk).count()
    again = send(http, "post", address, body, headers=headers)
    unkeyed = send(http, "post", address, body)

    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert 400 <= unkeyed.status_code < 500
    assert Repricing.objects.count() == 1
    assert AuditEvent.objects.filter(kind="pricing.ruleset", object_id=draft.pk).count() == told > 0


def test_the_form_of_a_body_makes_no_other_request(http: Client) -> None:
    address, headers = "/api/v1/rule-sets", {"Idempotency-Key": "form"}
    http.post(address, b'{"copy_of": 1, "notes": "x"}', content_type="application/json", headers=headers)

    again = http.post(address, b'{ "notes":"x", "copy_of":1 }', content_type="application/json", headers=headers)

    assert again["Idempotency-Replayed"] == "true"
    assert RuleSet.objects.filter(state="draft").count() == 1


def test_the_same_key_for_something_else_is_a_mistake(http: Client) -> None:
    start(http, "k")

    assert problem(start(http, "k", reason="autumn")) == (422, "idempotency-key-reused")
    assert problem(send(http, "post", "rule-sets", {}, headers={"Idempotency-Key": "k"})) == (
        422,
        "idempotency-key-reused",
    )
    assert Repricing.objects.count() == 1


def test_another_client_has_keys_of_its_own(http: Client) -> None:
    start(http, "k")

    other = Client(headers={"X-API-Key": create_client("other", scopes=[READ, PUBLISH]).text})
    answer = start(other, "k", reason="autumn")

    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256, '"', "a,b", 'a"b', "\x00", "\x7f"])
def test_what_is_no_key_is_refused_and_nothing_is_done(http: Client, key: str) -> None:
    answer = start(http, key)

    # The gate refuses what can be no header, and what looks like two of them, before the key is looked at.
    assert problem(answer) in {(400, "invalid-idempotency-key"), (400, "bad-request"), (400, "malformed-request")}
    assert not Repricing.objects.exists()


def test_quotes_around_a_key_are_no_part_of_it(http: Client) -> None:
    start(http, '"k"')

    assert start(http, "k")["Idempotency-Replayed"] == "true"


def test_errors_are_not_kept_and_the_key_is_as_good_as_new(http: Client) -> None:
    wrong_body = start(http, "k", reason="")
    draft = a_draft()
    address = f"rule-sets/{draft.version}/publication"
    headers = {"Idempotency-Key": "p"}
    stale = send(http, "post", address, {"reason": "spring", "revision": 7}, headers=headers)

    assert (problem(wrong_body), problem(stale)) == ((400, "invalid-body"), (409, "stale-revision"))
    assert not IdempotentRequest.objects.exists()
    assert start(http, "k").status_code == 202
    assert send(http, "post", address, {"reason": "spring", "revision": 0}, headers=headers).status_code == 202


def test_a_wrong_body_is_told_before_the_key_is_looked_at(http: Client) -> None:
    start(http, "k")

    assert problem(start(http, "k", reason="")) == (400, "invalid-body")


def test_after_a_day_the_key_may_be_used_anew(http: Client) -> None:
    start(http, "k")
    IdempotentRequest.objects.update(created_at=Now() - idempotency.KEPT_FOR - timedelta(minutes=1))

    anew = start(http, "k", reason="autumn")

    assert anew.status_code == 202
    assert "Idempotency-Replayed" not in anew
    assert Repricing.objects.count() == 2


def test_old_keys_are_pruned_and_young_ones_stay(http: Client) -> None:
    for key in ("old", "young"):
        start(http, key)
    old = IdempotentRequest.objects.filter(key="old")
    old.update(created_at=Now() - idempotency.KEPT_FOR - timedelta(minutes=1))

    would = pruning.would_remove()["idempotency_keys"]
    pruning.prune(pruning.start(started_by="me").pk, seconds=60)

    assert would == 1
    assert [row.key for row in IdempotentRequest.objects.all()] == ["young"]
    assert not operations.old_requests().exists()


def test_every_operation_that_acts_by_post_takes_a_key_and_the_document_says_so() -> None:
    from diamondhub.api.views import _generated

    #: Answers with secrets are kept nowhere.
    answers_with_secrets = {"create_webhook", "rotate_webhook_secret"}
    #: A search acts on nothing, however it is asked.
    searches = {"search_diamonds_by_body", "look_up_diamonds", "verify_diamonds"}

    posts = {
        methods["post"]["operationId"]: {parameter["name"] for parameter in methods["post"].get("parameters", [])}
        for methods in _generated()["paths"].values()
        if "post" in methods
    }

    assert len(posts) > 8
    without = {name for name, taken in posts.items() if "Idempotency-Key" not in taken}
    assert without == answers_with_secrets | searches


# --- at once, and when something breaks -------------------------------------------------------------------------------


@contextmanager
def repricing_that_waits(reached: Any, go_on: Any) -> Iterator[None]:
    start_it = reprice.start

    def slow(**options: Any) -> Repricing:
        started = start_it(**options)
        reached.set()
        assert go_on.wait(HANG_SECONDS)
        return started

    with mock.patch("pricing.reprice.start", slow):
        yield


@pytest.mark.django_db(transaction=True)
def test_while_a_request_is_under_way_the_same_one_is_told_to_wait_and_then_gets_its_answer() -> None:
    import threading

    http = signed_in(READ, PUBLISH)
    reached, go_on = threading.Event(), threading.Event()

    def meanwhile() -> tuple[Any, Any]:
        assert reached.wait(HANG_SECONDS)
        try:
            return start(http, "k"), start(http, "k", reason="autumn")
        finally:
            go_on.set()

    with repricing_that_waits(reached, go_on):
        first, (same, other) = at_once(lambda: start(http, "k"), meanwhile)

    assert first.status_code == 202
    assert (problem(same), problem(other)) == ((409, "idempotency-key-in-use"),) * 2
    assert int(same["Retry-After"]) > 0
    assert start(http, "k").content == first.content
    assert Repricing.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_act_once() -> None:
    http = signed_in(READ, PUBLISH)

    answers = at_once(*[lambda: start(http, "k")] * 8)

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert (Repricing.objects.count(), IdempotentRequest.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_an_action_that_breaks_after_it_was_done_leaves_neither_it_nor_its_key() -> None:
    http = signed_in(READ, PUBLISH)

    with mock.patch("pricing.reprice.report", side_effect=ZeroDivisionError):
        broken = start(http, "k")

    assert broken.status_code == 500
    assert (Repricing.objects.count(), IdempotentRequest.objects.count()) == (0, 0)
    assert start(http, "k").status_code == 202


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_in_mid_action_leaves_nothing_half_kept() -> None:
    http = signed_in(READ, PUBLISH)

    def dies(*_arguments: Any) -> Any:
        # As when the process is killed, or the server ends the connection.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with mock.patch("diamondhub.api.idempotency._keep", dies):
        broken = start(http, "k")

    assert broken.status_code == 503
    assert (Repricing.objects.count(), IdempotentRequest.objects.count()) == (0, 0)
    assert start(http, "k").status_code == 202
    assert Repricing.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_lock_ends_with_its_transaction_so_that_no_session_is_needed() -> None:
    http = signed_in(READ, PUBLISH)

    start(http, "k")

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)
