"""The page that looks at a list, gives its words and headers their meaning, and makes a feed of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingest import seen_lists, uploads
from ingest.admin import lists
from ingest.feeds.pricelist.tests.lists import stones, text
from ingest.models import Feed, Run, SeenList
from ingest.tests.price_lists import folder_of_lists, made, put, rosy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with folder_of_lists(tmp_path) as folder:
        yield folder


def client(*permissions: str) -> Client:
    session = Client()
    user = User.objects.create_user("maria", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    session.force_login(user)
    return session


NEW = "/admin/ingest/feed/new-list/"


def shown(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.content.decode())


def upload(rows: list[dict[str, str]]) -> SimpleUploadedFile:
    return SimpleUploadedFile("list of may.csv", text(rows).encode())


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_file_is_looked_at_given_its_meaning_and_made_a_feed_of(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    rows = [{**row, "Wibble": "VG", "Clarity": "QQ7", "Status": "Blorp"} for row in stones(30)]

    first = shown(maria.post(NEW, {"file": upload(rows), "look": "1"}))

    assert "0 of 30 rows are offered" in first
    assert "may be cut or polish or symmetry" in first
    assert not made()

    choices = {
        "seen": seen_in(first),
        "header_0": "Wibble",
        "means_0": "polish",
        "of_0": "clarity",
        "word_0": "QQ7",
        "says_0": "SI2",
        "of_1": "availability",
        "word_1": "Blorp",
        "says_1": "available",
    }
    second = shown(maria.post(NEW, {**choices, "look": "1"}))

    assert "A run would read this list without asking anybody." in second
    assert "Wibble = polish" in second
    assert "clarity: QQ7 = SI2" in second

    saved = maria.post(NEW, {**choices, "slug": "rosy", "reason": "a new supplier", "save": "1"})

    feed = Feed.objects.get(slug="rosy")
    assert saved["Location"] == reverse("admin:ingest_feed_change", args=[feed.pk])
    assert feed.parameters == {
        "source": "upload://rosy",
        "columns": {"Wibble": "polish"},
        "words": {"clarity": {"QQ7": "SI2"}, "availability": {"Blorp": "available"}},
    }
    uploaded = uploads.newest("rosy")
    assert uploaded is not None
    assert (uploaded.uploaded_by, uploaded.reason) == ("maria", "a new supplier")
    assert b"".join(uploads.pieces(uploaded)) == text(rows).encode()
    assert not SeenList.objects.exists()
    assert not Run.objects.exists()


def test_a_feed_does_not_put_its_list_before_those_of_another_s_inbox(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    uploads.take("rosy", text(stones(5)).encode(), by="paul", name="mail.csv", reason="by mail", is_last=True)
    looked = shown(maria.post(NEW, {"file": upload(stones(3)), "look": "1"}))

    page = shown(maria.post(NEW, {"seen": seen_in(looked), "slug": "rosy", "reason": "a new supplier", "save": "1"}))

    assert "Lists are uploaded for rosy already" in page
    assert not made()
    kept = uploads.newest("rosy")
    assert kept is not None
    assert kept.uploaded_by == "paul"


def test_a_header_of_several_lines_is_given_its_meaning(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    put(folder, [{**row, "Wibble\n of the = lab": "VG"} for row in stones(3)])
    said = {"parameter_source": "list.csv", "header_0": "Wibble\r\n of the = lab", "means_0": "polish", "look": "1"}

    page = shown(maria.post(NEW, said))

    assert "Wibble of the = lab = polish" in page
    assert "What nobody knows" not in page


def test_a_question_is_answered_by_a_button_before_a_feed_is_made(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    rows = [{"Stock #": f"B-{n}", "Shape": "RB", "Weight": f"0.{30 + n}", "Price": "900"} for n in range(5)]
    put(folder, rows)
    asked = {"parameter_source": "list.csv", "slug": "rosy", "reason": "why not"}

    page = shown(maria.post(NEW, {**asked, "save": "1"}))

    assert "Does the column &#x27;Price&#x27; hold the price of a carat or of the stone?" in page
    assert "Say first what is asked below" in page
    assert not made()

    answered = shown(maria.post(NEW, {**asked, "answer": '{"price_means": "total"}'}))

    assert "Does the column" not in answered
    assert '<option value="total" selected>' in answered


@pytest.mark.parametrize("grown", ["true", "false"])
def test_whether_stones_are_lab_grown_is_answered_by_a_button(folder: Path, grown: str) -> None:
    maria = client("view_feed", "add_feed")
    put(folder, [{**stone, "Supplier": "Lab Diamonds Ltd"} for stone in stones(3)])
    asked = {"parameter_source": "list.csv", "slug": "rosy", "reason": "why not"}

    page = shown(maria.post(NEW, asked))
    answered = shown(maria.post(NEW, {**asked, "answer": f'{{"labgrown": {grown}}}'}))

    assert "what are these stones?" in page
    assert "what are these stones?" not in answered
    assert f'<option value="{grown}" selected>' in answered


def test_what_is_missing_or_wrong_is_said_at_its_field(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    put(folder, stones(3))

    nothing = shown(maria.post(NEW, {"look": "1"}))
    nameless = shown(maria.post(NEW, {"parameter_source": "list.csv", "save": "1"}))
    outside = shown(maria.post(NEW, {"parameter_source": "../../etc/passwd", "look": "1"}))
    meaning = shown(
        maria.post(NEW, {"parameter_source": "list.csv", "parameter_words": "shape: BRL = WOBBLY", "look": "1"})
    )
    long = shown(maria.post(NEW, {"file": SimpleUploadedFile("a.csv", b"x" * (seen_lists.MAX_BYTES + 1)), "look": "1"}))

    assert "hoose a file, or name the list" in nothing
    assert "A feed needs a short name." in nameless
    assert "Say why: it is kept in the history." in nameless
    assert "is not below" in outside
    assert "is no shape" in meaning
    assert "pack it with gzip" in long
    assert not made()


def test_a_list_that_is_too_long_for_the_page_is_sent_to_the_commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = client("view_feed", "add_feed")
    put(folder, stones(3))
    monkeypatch.setattr(lists, "MAX_BYTES", 50)

    page = shown(maria.post(NEW, {"parameter_source": "list.csv", "look": "1"}))

    assert "more than 50 bytes: have `manage.py inspect_list` look at it" in page


def test_the_menu_marks_the_page_that_is_open_and_no_other(folder: Path) -> None:
    maria = client("view_feed", "add_feed")
    open_entry = re.compile(r'<a href="([^"]+)"[^>]*class="[^"]*\bactive\b')

    new, feeds = (open_entry.findall(shown(maria.get(address))) for address in (NEW, "/admin/ingest/feed/"))

    assert (new, feeds) == ([NEW], ["/admin/ingest/feed/"])


@pytest.mark.usefixtures("folder")
def test_a_file_is_kept_for_its_owner_and_an_hour_and_three_at_most() -> None:
    maria = client("view_feed", "add_feed")
    seen = [seen_in(shown(maria.post(NEW, {"file": upload(stones(2)), "look": "1"}))) for _ in range(4)]
    other = Client()
    other.force_login(User.objects.create_superuser("eve"))

    assert SeenList.objects.count() == seen_lists.KEPT_OF_ONE
    for session, number in ((other, seen[-1]), (maria, seen[0]), (maria, "1; DROP TABLE"), (maria, "9" * 40)):
        assert "he file is not kept any more" in shown(session.post(NEW, {"seen": number, "look": "1"}))

    SeenList.objects.update(expires_at=timezone.now())

    assert "he file is not kept any more" in shown(maria.post(NEW, {"seen": seen[-1], "look": "1"}))
    assert seen_lists.expired().count() == seen_lists.KEPT_OF_ONE


def test_a_changed_list_of_a_feed_is_looked_at_and_what_it_needs_is_kept(folder: Path) -> None:
    feed = rosy()
    put(folder, stones(30))
    maria = client("view_feed", "change_feed")
    here = reverse("admin:ingest_feed_list", args=[feed.pk])
    assert "Look at a list" in shown(maria.get(reverse("admin:ingest_feed_change", args=[feed.pk])))

    own = shown(maria.get(here))
    changed = [{**row, "Clarity": "QQ7"} for row in stones(30)]
    looked = shown(maria.post(here, {"parameter_source": "list.csv", "file": upload(changed), "look": "1"}))

    assert 'value="list.csv"' in own
    assert "clarity has words that nobody knows on 30 rows" in looked
    assert Feed.objects.get(slug="rosy").parameters == {"source": "list.csv"}

    choice = {"of_0": "clarity", "word_0": "QQ7", "says_0": "SI2", "seen": seen_in(looked)}
    maria.post(here, {"parameter_source": "list.csv", **choice, "reason": "their own grade", "save": "1"})

    assert Feed.objects.get(slug="rosy").parameters == {"source": "list.csv", "words": {"clarity": {"QQ7": "SI2"}}}


def test_the_pages_are_for_those_who_may_make_or_change_feeds(folder: Path) -> None:
    feed = rosy()
    nivoda = Feed.objects.create(slug="nivoda", name="N", adapter="nivoda", parameters={})
    viewer = client("view_feed")
    here = reverse("admin:ingest_feed_list", args=[feed.pk])

    answers = [viewer.get(NEW).status_code, viewer.post(NEW).status_code, viewer.get(here).status_code]

    assert answers == [403, 403, 403]
    chief = Client(enforce_csrf_checks=True)
    chief.force_login(User.objects.create_superuser("eve"))
    assert chief.get(reverse("admin:ingest_feed_list", args=[nivoda.pk])).status_code == 404
    assert chief.post(NEW, {"look": "1"}).status_code == 403
    assert chief.get(NEW).status_code == 200
    assert folder.exists()
