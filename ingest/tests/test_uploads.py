"""Lists that come by mail: uploaded on a feed's page, in one piece or several, read by runs, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from catalog.models import Diamond
from ingest import runs, uploads
from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.books import xlsx
from ingest.feeds.pricelist.tests.lists import STONE, stones, text
from ingest.models import Feed, Run, UploadedList, UploadedPiece
from ingest.sign_in import Outcome, tried
from ingest.tests.factories import drive, feed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rosy(tmp_path: Path) -> Iterator[Feed]:
    feed()
    made, _ = Feed.objects.update_or_create(
        slug="rosy",
        defaults={"name": "Rosy", "adapter": "pricelist", "parameters": {"source": "upload://rosy"}},
    )
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield made
    adapters._build.cache_clear()


def browser(*permissions: str) -> Client:
    """A person of the staff who may do so much."""
    person = User.objects.create_user("eve", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="ingest"))
    made = Client()
    made.force_login(person)
    return made


def page_of(rosy: Feed) -> str:
    return reverse("admin:ingest_feed_upload", args=[rosy.pk])


def sent(content: bytes, called: str = "Stock of Monday.xlsx", **more: Any) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(called, content), "reason": "mail of Monday", **more}


def test_an_uploaded_list_is_read_by_the_run_that_it_starts_which_says_whose_it_is(rosy: Feed) -> None:
    book = xlsx({"Stock": [list(STONE), *(list(row.values()) for row in stones(3))]})
    eve = browser("view_feed", "change_feed", "view_run", "add_run")

    answer = eve.post(page_of(rosy), sent(book, start="on"))

    run = drive(Run.objects.get(feed=rosy))
    page = eve.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    assert answer["Location"] == reverse("admin:ingest_run_change", args=[run.pk])
    assert (run.state, run.started_by) == (Run.State.COMPLETED, "eve")
    assert run.reason == "Stock of Monday.xlsx uploaded: mail of Monday"
    assert Diamond.objects.filter(feed="rosy").count() == 3
    assert "Stock of Monday.xlsx, uploaded by eve at" in page


def test_a_later_run_says_which_upload_it_read(rosy: Feed) -> None:
    uploads.take("rosy", text(stones(2)).encode(), by="eve", name="first.csv", is_last=True)
    first = drive(runs.start_run("rosy", kind="full", started_by="beat"))
    UploadedList.objects.update(completed_at=F("completed_at") - timedelta(minutes=5))
    Run.objects.filter(pk=first.pk).update(window_to=F("window_to") - timedelta(minutes=5))
    uploads.take("rosy", text(stones(4)).encode(), by="olga", name="second.csv", is_last=True)

    second = drive(runs.start_run("rosy", kind="full", started_by="beat"))

    read = [uploads.of_run(Run.objects.get(pk=run.pk), rosy) for run in (first, second)]
    assert [upload and upload.name for upload in read] == ["first.csv", "second.csv"]
    assert Diamond.objects.filter(feed="rosy").count() == 4


def test_a_long_file_comes_in_pieces(rosy: Feed) -> None:
    content = text(stones(300)).encode()
    eve = browser("view_feed", "change_feed")
    by_script = {"X-Requested-With": "upload"}

    begun = eve.post(page_of(rosy), sent(content[:5000], "piece", name="long.csv", is_more="on"), headers=by_script)
    early = uploads.newest("rosy")
    ended = eve.post(page_of(rosy), sent(content[5000:], "piece", upload=begun.json()["upload"]), headers=by_script)

    upload = uploads.newest("rosy")
    assert early is None
    assert ended.json() == {"onward": reverse("admin:ingest_feed_change", args=[rosy.pk])}
    assert upload is not None
    assert (upload.name, upload.size, b"".join(uploads.pieces(upload))) == ("long.csv", len(content), content)
    assert not Run.objects.filter(feed=rosy).exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"reason": "mail"}, "Choose a file."),
        ({"file": SimpleUploadedFile("a.csv", b""), "reason": "mail"}, "The file is empty."),
        ({"file": SimpleUploadedFile("a.csv", b"x")}, "Say where the list comes from"),
        ({"file": SimpleUploadedFile("a.csv", b"x" * 2_000), "reason": "mail"}, "more than 1,000 bytes"),
        ({"file": SimpleUploadedFile("a.csv", b"x"), "reason": "mail", "upload": "999"}, "choose the file again"),
        ({"file": SimpleUploadedFile("a.csv", b"x"), "reason": "mail", "upload": "-1"}, "greater than or equal to 1"),
    ],
)
@override_settings(PRICELIST_UPLOAD_MAX_BYTES=1_000)
def test_what_cannot_be_taken_is_said_and_nothing_is_kept(rosy: Feed, given: dict[str, Any], says: str) -> None:
    for file in [given["file"]] if "file" in given else []:
        file.seek(0)

    answer = browser("view_feed", "change_feed").post(page_of(rosy), given, headers={"X-Requested-With": "upload"})

    assert answer.status_code == 400
    assert says in answer.json()["fault"]
    assert not UploadedPiece.objects.exists()


def test_nobody_adds_to_another_persons_upload_or_to_one_that_is_complete(rosy: Feed) -> None:
    begun = uploads.take("rosy", b"one", by="olga", name="a.csv", is_last=False)
    done = uploads.take("rosy", b"one", by="eve", name="b.csv", is_last=True)
    eve = browser("view_feed", "change_feed")

    answers = [eve.post(page_of(rosy), sent(b"two", upload=upload.pk)) for upload in (begun, done)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("choose the file again" in answer.content.decode() for answer in answers)
    assert UploadedPiece.objects.count() == 2


def test_the_page_needs_the_right_to_change_feeds_a_token_and_a_feed_of_uploads(rosy: Feed) -> None:
    nivoda = Feed.objects.exclude(pk=rosy.pk).first()
    assert nivoda is not None
    person = browser("view_feed")

    refused = person.post(page_of(rosy), sent(b"x"))
    person.logout()
    User.objects.filter(username="eve").delete()
    eve = browser("view_feed", "change_feed")
    other = eve.get(page_of(nivoda))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="eve"))

    assert (refused.status_code, other.status_code) == (403, 404)
    assert strict.post(page_of(rosy), sent(b"x")).status_code == 403
    assert eve.put(page_of(rosy)).status_code == 405
    assert 'href="' + page_of(rosy) in eve.get(reverse("admin:ingest_feed_change", args=[rosy.pk])).content.decode()
    assert not UploadedList.objects.exists()


def test_a_feed_without_an_upload_is_fine_but_its_runs_say_what_to_do(rosy: Feed) -> None:
    outcome = tried(adapters.adapter_for(rosy.adapter, rosy.parameters, {}))

    run = drive(runs.start_run("rosy", kind="full", started_by="eve"))

    assert outcome.outcome == Outcome.OK
    assert run.state == Run.State.FAILED
    assert "no list has been uploaded for 'rosy' yet" in run.failure


def test_replaced_and_abandoned_uploads_are_forgotten_and_the_newest_stay(rosy: Feed) -> None:
    for number in range(5):
        upload = uploads.take("rosy", b"x", by="eve", name=f"{number}.csv", is_last=True)
        UploadedList.objects.filter(pk=upload.pk).update(completed_at=F("completed_at") - timedelta(days=400 - number))
    uploads.take("other", b"x", by="eve", name="other.csv", is_last=True)
    uploads.take("rosy", b"x", by="eve", name="begun.csv", is_last=False)
    UploadedList.objects.update(begun_at=F("begun_at") - timedelta(days=400))

    forgotten = set(uploads.old_uploads().values_list("name", flat=True))

    assert forgotten == {"0.csv", "1.csv", "begun.csv"}
