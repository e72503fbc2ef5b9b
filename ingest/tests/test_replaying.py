"""Dead letters: written with their reason, replayed through the usual way, closed for a reason, and never twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from catalog.models import DatasetVersion, Diamond
from diamondhub.operations.models import Problem
from diamondhub.tests.threads import at_once
from ingest import consolidation, dead_letters, replaying, tasks
from ingest.consolidation import MAX_ATTEMPTS
from ingest.errors import MappingError, PermanentSupplierError, UndecodableAnswer
from ingest.invariants import violations
from ingest.models import ConsolidationBatch, DeadLetter, DeadLetterAttempt, Partition, RawDiamond, Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone, drive, listed, settled, stones, supplying

pytestmark = pytest.mark.django_db(transaction=True)

BROKEN = "the shape is a riddle"


def breaking(supplier: MemorySupplier, *which: str, why: str = BROKEN) -> Callable[[], None]:
    """Let the mapper fail for these stones; call what is returned to mend it."""

    def stumble(item: bytes) -> None:
        if json.loads(item)["id"] in which:
            raise MappingError("shape", why)

    supplier.before_mapping = stumble

    def mend() -> None:
        supplier.before_mapping = lambda _item: None

    return mend


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return supplying(monkeypatch, MemorySupplier(stones(40)))


def broken_run(supplier: MemorySupplier, count: int = 5) -> tuple[Run, Callable[[], None]]:
    """A run with so many letters, and what mends the mapper."""
    mend = breaking(supplier, *(stone.id for stone in supplier.shelf[:count]))
    return settled(error_budget=1.0), mend


def letters_of(run: Run) -> list[DeadLetter]:
    return list(DeadLetter.objects.filter(run=run).order_by("pk"))


def attempts_at(run: Run) -> list[DeadLetterAttempt]:
    """What was done about a run's letters, the oldest first."""
    return list(DeadLetterAttempt.objects.filter(letter_id__in=[one.pk for one in letters_of(run)]).order_by("pk"))


def replayed(run: Run, **options: Any) -> replaying.Report:
    return replaying.replay(replaying.select(run=run.pk), actor="olga", **options)


def sound() -> list[str]:
    """What does not hold, deliveries apart: nobody sends alerts here."""
    return [str(one) for one in violations() if one.invariant not in (3, 10)]


def test_a_letter_says_all_that_a_replay_and_a_person_need(supplier: MemorySupplier) -> None:
    run, _ = broken_run(supplier, 1)

    (letter,) = letters_of(run)

    raw = RawDiamond.objects.defer("payload").get(run_id=run.pk, supplier_stone_id="S-00000")
    assert (letter.kind, letter.state, letter.field, letter.reason) == ("stone", "open", "shape", BROKEN)
    assert (letter.raw_id, letter.observed_at, letter.diamond_id) == (raw.pk, raw.observed_at, raw.diamond_id)
    assert letter.payload.encode() == supplier.shelf[0].payload()
    assert (letter.query_version, letter.mapper_version, letter.rule_set) == ("memory-query-1", "memory-mapper-1", 1)
    assert (letter.attempts, letter.seen, letter.exact, letter.trace_id) == (0, 1, True, run.trace_id)
    assert not sound()


def test_letters_that_map_now_become_priced_diamonds_and_keep_what_was_done(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier)
    version = DatasetVersion.current()
    mend()

    report = replayed(run, why="mapper 2")

    assert (report.tried, report.failed, report.outcomes) == (5, 0, {"inserted": 5})
    assert len(listed()) == 40
    assert DatasetVersion.current() == version + 1
    letter = letters_of(run)[0]
    assert (letter.state, letter.closed_by, letter.closed_reason) == (
        "replayed",
        "olga",
        "replayed: inserted; mapper 2",
    )
    attempt = DeadLetterAttempt.objects.get(letter_id=letter.pk)
    assert (attempt.actor, attempt.outcome, attempt.reason) == ("olga", "inserted", "mapper 2")
    assert not sound()


def test_a_dry_run_says_what_each_would_become_and_changes_nothing(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 2)
    mend()
    breaking(supplier, "S-00001")
    version = DatasetVersion.current()

    report = replayed(run, dry_run=True)

    said = {one["stone"]: (one["outcome"], one["reason"]) for one in report.letters}
    assert said == {"S-00000": ("inserted", ""), "S-00001": ("failed", f"shape: {BROKEN}")}
    assert [(letter.state, letter.attempts) for letter in letters_of(run)] == [("open", 0), ("open", 0)]
    assert (len(listed()), DatasetVersion.current()) == (38, version)
    assert not attempts_at(run)


def test_a_sample_that_fails_for_the_same_reason_keeps_the_rest_untried(supplier: MemorySupplier) -> None:
    run, _ = broken_run(supplier)

    report = replayed(run, sample=2)

    assert (report.tried, report.failed, report.left) == (2, 2, 3)
    assert "2 of a sample of 2 still fail for the same reason" in report.stopped
    assert [letter.attempts for letter in letters_of(run)] == [1, 1, 0, 0, 0]


def test_force_goes_on_past_a_failing_sample(supplier: MemorySupplier) -> None:
    run, _ = broken_run(supplier)

    report = replayed(run, sample=2, force=True)

    assert (report.tried, report.failed, report.stopped) == (5, 5, "")


def test_a_sample_that_fails_for_another_reason_does_not_stop_the_rest(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier)
    mend()
    breaking(supplier, letters_of(run)[0].supplier_stone_id, why="the colour is unheard of")

    report = replayed(run, sample=1)

    assert (report.tried, report.failed) == (5, 1)
    letter = letters_of(run)[0]
    assert (letter.state, letter.reason, letter.last_error) == (
        "open",
        "the colour is unheard of",
        "shape: the colour is unheard of",
    )


def test_a_letter_that_keeps_failing_is_parked_and_only_force_takes_it(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 1)
    for _ in range(dead_letters.MAX_ATTEMPTS):
        replayed(run)

    (letter,) = letters_of(run)
    assert (letter.state, letter.attempts) == ("parked", dead_letters.MAX_ATTEMPTS)
    assert [attempt.outcome for attempt in attempts_at(run)] == ["failed"] * 4 + ["parked"]
    (told,) = Problem.objects.filter(kind="letters-parked")
    assert told.subject == f"Dead letters are parked after 5 replays in vain: shape: {BROKEN}"
    assert told.details == {
        "fingerprint": letter.fingerprint,
        "letters": 1,
        "first": letter.pk,
        "field": "shape",
    }
    mend()
    left_alone = replayed(run)
    assert (left_alone.tried, left_alone.parked) == (0, 1)
    assert "need force" in left_alone.in_words()

    forced = replayed(run, force=True)

    assert forced.outcomes == {"inserted": 1}
    assert letters_of(run)[0].state == "replayed"
    told.refresh_from_db()
    assert (told.state, told.about) == ("resolved", f"cause:{letter.fingerprint}")


def test_an_older_payload_never_overwrites_a_newer_one(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 1)
    mend()
    supplier.shelf[0] = factories.again(supplier.shelf[0], price=777_700)
    later = settled()
    stale = letters_of(run)[0]

    assert stale.state == "superseded"
    assert stale.closed_reason == f"run {later.pk} was shown the stone anew"
    # As if it had been overlooked.
    DeadLetter.objects.update(state="open", closed_at=None, closed_by="", closed_reason="")

    report = replayed(run)

    assert report.outcomes == {"superseded": 1}
    assert Diamond.objects.get(supplier_stone_id="S-00000").cost_cents == 777_700
    assert not sound()


def test_a_letter_of_a_payload_that_was_overtaken_by_the_old_one_is_closed(supplier: MemorySupplier) -> None:
    settled()
    before = supplier.shelf[0]
    supplier.shelf[0] = factories.again(before, price=777_700)
    mend = breaking(supplier, before.id)
    run = settled(error_budget=1.0)
    mend()
    supplier.shelf[0] = before

    settled()

    assert [letter.state for letter in letters_of(run)] == ["superseded"]
    assert Diamond.objects.get(supplier_stone_id=before.id).cost_cents == before.price
    assert not sound()


def test_a_stone_that_a_later_full_run_did_not_show_does_not_come_back(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 1)
    mend()
    gone = supplier.shelf.pop(0)
    later = settled()

    report = replayed(run)

    assert report.outcomes == {"superseded": 1}
    assert f"full run {later.pk}" in report.letters[0]["reason"]
    assert gone.id not in listed()


def test_poison_in_a_replay_does_not_keep_the_others(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 5)
    mend()
    supplier.before_mapping = lambda item: 1 / (json.loads(item)["id"] != "S-00001")
    poisoned = DeadLetter.objects.get(run=run, supplier_stone_id="S-00003")
    poisoned.payload = Stone("S-00003", says={"length_mm": "1e99"}).payload().decode()
    poisoned.save()

    report = replayed(run)

    assert report.outcomes == {"inserted": 3, "failed": 2}
    failed = {letter.supplier_stone_id: letter.last_error for letter in letters_of(run) if letter.state == "open"}
    assert "the mapper broke: ZeroDivisionError" in failed["S-00001"]
    assert "the catalogue does not take it" in failed["S-00003"]


def test_a_mapper_that_crashes_in_a_run_costs_one_letter_and_not_the_batch(supplier: MemorySupplier) -> None:
    supplier.before_mapping = lambda item: 1 / (json.loads(item)["id"] != "S-00007")

    run = settled(error_budget=1.0)

    assert run.state == "completed"
    assert [(letter.supplier_stone_id, letter.field) for letter in letters_of(run)] == [("S-00007", "item")]
    assert len(listed()) == 39


def test_two_operators_at_once_replay_each_letter_once(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 30)
    mend()
    gate = threading.Barrier(2)

    def operator() -> replaying.Report:
        letters = replaying.select(run=run.pk)
        gate.wait(120)
        return replaying.replay(letters, actor="olga")

    first, second = at_once(operator, operator)

    assert first.tried + second.tried == 30
    assert len(listed()) == 40
    assert len(attempts_at(run)) == 30
    assert {letter.state for letter in letters_of(run)} == {"replayed"}


def test_a_replay_that_dies_in_the_middle_keeps_whole_chunks_and_goes_on(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, mend = broken_run(supplier, 30)
    mend()
    monkeypatch.setattr(replaying, "CHUNK", 10)
    attempts = dead_letters.attempts
    version = DatasetVersion.current()

    def die(outcomes: Any, **options: Any) -> None:
        attempts(outcomes, **options)
        if len(attempts_at(run)) > 10:
            raise SystemExit("killed")

    monkeypatch.setattr(dead_letters, "attempts", die)
    with pytest.raises(SystemExit):
        replayed(run)
    assert len(listed()) == 20
    assert DeadLetter.objects.filter(state="replayed").count() == len(attempts_at(run)) == 10
    assert DatasetVersion.current() == version + 1
    monkeypatch.setattr(dead_letters, "attempts", attempts)

    report = replayed(run)

    assert report.outcomes == {"inserted": 20}
    assert len(listed()) == 40
    assert not sound()


def test_an_item_that_says_who_it_is_at_last_becomes_a_diamond(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Stone("LATE").payload()
    supplier.poison = [late]
    identify = supplier.identify

    def shy(item: bytes) -> Any:
        if item == late:
            raise MappingError("id", "is missing")
        return identify(item)

    monkeypatch.setattr(supplier, "identify", shy)
    run = settled(error_budget=1.0)
    assert {letter.kind for letter in letters_of(run)} == {"item"}
    assert not sound()
    monkeypatch.setattr(supplier, "identify", identify)

    report = replayed(run)

    assert report.outcomes["inserted"] == 1
    assert "LATE" in listed()
    assert not sound()


def test_an_item_that_is_not_utf8_says_that_it_cannot_be_replayed(supplier: MemorySupplier) -> None:
    supplier.poison = [b'{"id": "\xff"}']
    run = settled(error_budget=1.0)

    report = replayed(run)

    assert report.failed == report.tried > 0
    assert "not kept word for word" in report.letters[0]["reason"]


def test_a_page_that_cannot_be_decoded_is_kept_and_fails_its_partition(supplier: MemorySupplier) -> None:
    def garble(_query: Any, offset: int) -> None:
        if offset >= 10:
            raise UndecodableAnswer(
                "the supplier's answer cannot be decoded", body=b"<html>" + b"\xff\0" + b"x" * 100_000
            )

    supplier.before_page = garble
    run = drive(factories.start(max_partition_stones=10_000))

    (letter,) = letters_of(run)
    assert run.state == "failed"
    partition = Partition.objects.get(run=run)
    assert (letter.kind, letter.partition_id, letter.stones, letter.exact) == ("page", partition.pk, 0, False)
    assert letter.payload.startswith("<html>")
    assert len(letter.payload) == dead_letters.PAGE_LIMIT
    assert partition.state == "failed"
    supplier.before_page = lambda _query, _offset: None

    report = replayed(run)

    assert report.outcomes == {"asked_again": 1}
    drive(run)
    assert len(listed()) == 40
    assert not sound()


def test_a_page_that_is_refused_for_good_leaves_no_letter(supplier: MemorySupplier) -> None:
    def refuse(_query: Any, _offset: int) -> None:
        raise PermanentSupplierError

    supplier.before_page = refuse

    run = drive(factories.start())

    assert run.state == "failed"
    assert not letters_of(run)


def test_a_batch_that_never_ends_is_set_aside_and_its_stones_come_back_by_a_replay(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = drive(factories.start(error_budget=1.0), until="consolidating")
    run.batches.update(attempts=MAX_ATTEMPTS, last_error="MemoryError: ")

    drive(run)

    run.refresh_from_db()
    (letter,) = letters_of(run)
    assert (run.state, letter.kind, letter.stones) == ("completed", "batch", 40)
    assert "MemoryError" in letter.reason
    assert not listed()
    assert not sound()
    breaking(supplier, "S-00004")

    report = replayed(run)

    assert report.outcomes == {"updated": 1}
    assert len(listed()) == 39
    assert [(one.kind, one.state, one.stones) for one in letters_of(run)] == [
        ("batch", "replayed", 39),
        ("stone", "open", 1),
    ]
    assert not sound()


def test_an_unforeseen_error_in_a_batch_is_kept_with_it_and_tried_again(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = drive(factories.start(), until="consolidating")
    supersede = dead_letters.supersede
    monkeypatch.setattr(dead_letters, "supersede", lambda _batch: 1 / 0)

    consolidation.consolidate(run.pk)
    batch = ConsolidationBatch.objects.get(run=run)
    assert (batch.state, batch.attempts) == ("ready", 1)
    assert batch.last_error.startswith("ZeroDivisionError")
    monkeypatch.setattr(dead_letters, "supersede", supersede)

    drive(run)

    assert len(listed()) == 40


def test_a_message_that_nobody_can_answer_is_one_letter_however_often_it_comes() -> None:
    factories.feed()

    class Sender:
        name = "ingest.tasks.walk"

    for _ in range(3):
        tasks._keep_message(sender=Sender, args=["seven"], exception=ValueError("seven is no number"))

    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.field, letter.seen) == ("message", "ingest.tasks.walk", 3)
    report = replaying.replay(replaying.select(letter=letter.pk), actor="olga")
    assert "must carry one number" in report.letters[0]["reason"]


def test_discarding_keeps_who_and_why(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 2)

    count = dead_letters.discard(replaying.select(run=run.pk), actor="olga", reason="never to be sold")

    assert count == 2
    for letter in letters_of(run):
        assert (letter.state, letter.closed_by, letter.closed_reason) == ("discarded", "olga", "never to be sold")
        assert DeadLetterAttempt.objects.get(letter_id=letter.pk).outcome == "discarded"
    mend()
    with pytest.raises(replaying.NoSuchLetters):
        replayed(run)
    assert not sound()


def told(*arguments: str) -> dict[str, Any]:
    """What the command reports, whether or not it succeeds."""
    out = StringIO()
    try:
        call_command("replay_dead_letters", *arguments, "--json", stdout=out)
    except CommandError as error:
        return {**json.loads(out.getvalue() or "{}"), "error": str(error)}
    return {**json.loads(out.getvalue()), "error": ""}


def test_the_command_replays_by_fingerprint_and_fails_if_a_letter_does(supplier: MemorySupplier) -> None:
    run, mend = broken_run(supplier, 3)
    fingerprint = letters_of(run)[0].fingerprint

    failed = told("--fingerprint", fingerprint)
    mend()
    rehearsed = told("--fingerprint", fingerprint, "--dry-run")
    done = told("--letter", str(letters_of(run)[0].pk))
    rest = told("--fingerprint", fingerprint)

    assert (failed["tried"], failed["failed"]) == (3, 3)
    assert "3 letters failed again" in failed["error"]
    assert (rehearsed["outcomes"], rehearsed["error"]) == ({"inserted": 3}, "")
    assert (done["outcomes"], rest["outcomes"]) == ({"inserted": 1}, {"inserted": 2})


def test_the_command_refuses_what_it_cannot_mean_in_one_line(supplier: MemorySupplier) -> None:
    run, _ = broken_run(supplier, 1)

    assert "say which letters" in told()["error"]
    assert "no dead letter" in told("--run", "999999")["error"].lower()
    assert "needs a --reason" in told("--run", str(run.pk), "--discard")["error"]
    assert told("--run", str(run.pk), "--discard", "--reason", "junk")["discarded"] == 1
    assert "is discarded already" in told("--letter", str(letters_of(run)[0].pk))["error"]


def test_letters_observed_before_their_stone_was_delisted_do_not_list_it_again(supplier: MemorySupplier) -> None:
    settled()
    supplier.shelf[0] = factories.again(supplier.shelf[0], price=777_700)
    mend = breaking(supplier, "S-00000")
    run = settled(error_budget=1.0)
    mend()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_diamond SET availability = 'delisted', changed_at = clock_timestamp()")

    report = replayed(run)

    assert report.outcomes == {"superseded": 1}
    assert not listed()


def test_a_dead_stone_without_its_letter_breaks_the_second_invariant(supplier: MemorySupplier) -> None:
    run, _ = broken_run(supplier, 2)
    letters_of(run)[0].delete()

    problems = sound()

    assert len(problems) == 1
    assert (
        f"run {run.pk}: 0 items and 2 stones could not be processed, but dead letters speak of 0 and 1" in problems[0]
    )
