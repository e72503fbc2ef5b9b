"""What a dead letter keeps of the words of others: no secret."""

from __future__ import annotations

from typing import Any

import pytest

from ingest import dead_letters, tasks
from ingest.errors import MappingError
from ingest.feeds.nivoda.tokens import Token
from ingest.models import DeadLetter, DeadLetterAttempt

pytestmark = pytest.mark.django_db

SECRET = "corr3ct/horse battery"


def test_a_letters_reason_and_its_attempts_have_no_secret(settings: Any) -> None:
    settings.NIVODA_PASSWORD = SECRET
    tasks._keep_message(sender="ingest.tasks.walk", args=[7], exception=ConnectionError(f"refused {SECRET}"))
    letter = DeadLetter.objects.get()
    letter.last_error = f"redis://:hushhush@cache/0 refused {SECRET}"
    letter.save()
    dead_letters.attempts({letter.pk: ("failed", f"refused {SECRET}" + "x" * 1_000)}, actor="otto")

    letter.refresh_from_db()

    assert letter.reason == "ConnectionError: refused …"
    assert letter.last_error == "redis://…@cache/0 refused …"
    assert DeadLetterAttempt.objects.get().reason.startswith("refused …xxx")
    assert len(DeadLetterAttempt.objects.get().reason) == 500


def test_letters_of_one_cause_have_one_mark_whatever_secret_is_in_it() -> None:
    first = dead_letters.cause("item", MappingError("video", "https://cdn.example/?sig=hushhush is too long"))
    second = dead_letters.cause("item", MappingError("video", "https://cdn.example/?sig=rustling is too long"))

    assert first["reason"] == "https://cdn.example/?… is too long"
    assert first == second


def test_a_suppliers_token_is_known_as_soon_as_there_is_one(settings: Any) -> None:
    Token("a-suppliers-token-of-today", until=0.0)

    assert dead_letters.cause("page", MappingError("answer", "a-suppliers-token-of-today"))["reason"] == "…"
