"""Lists that are looked at before they are fed: by the command, and by the page that makes feeds of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from django.utils import timezone

from catalog.models import Diamond
from ingest import seen_lists, uploads
from ingest.admin import lists
from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.lists import stone, stones, text
from ingest.models import Feed, Run, SeenList
from pricing.models import RuleSet
from pricing.tests.factories import first_rule_set

pytestmark = pytest.mark.django_db(transaction=True)

CASES = Path(__file__).parents[1] / "feeds" / "pricelist" / "tests" / "cases"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    first_rule_set()
    (tmp_path / "lists").mkdir()
    with override_settings(PRICELIST_DIR=tmp_path / "lists", VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path / "lists"
    adapters._build.cache_clear()


def put(folder: Path, rows: list[dict[str, str]], name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text(rows))
    return path


def inspected(*arguments: str) -> tuple[int, str, str]:
    """The exit status of `inspect_list`, what it printed, and its line of errors."""
    out = StringIO()
    try:
        call_command("inspect_list", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def as_json(*arguments: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(inspected(*arguments, "--json")[1])
    return shown


def made() -> list[Feed]:
    """The feeds of price lists that there are."""
    return list(Feed.objects.filter(adapter="pricelist"))


def rosy(**parameters: Any) -> Feed:
    return Feed.objects.create(
        slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": "list.csv", **parameters}
    )


# --- the command -------------------------------------------------------------------------------------------------------


def test_a_sound_list_is_shown_whole_and_nothing_is_saved(folder: Path) -> None:
    path = put(folder, stones(50))

    status, out, error = inspected(str(path))

    assert (status, error) == (0, "")
    assert "50 rows, 50 of them offered" in out
    assert re.search(r"Weight +carats \(50 of 50 cells, its header\): 1.00", out)
    assert re.search(r"Total Price +the price of the stone", out)
    assert len(re.findall(r"^  A-\d+: ROUND 1.000 G VS1; costs ", out, re.MULTILINE)) == 20
    assert "A run would read it without asking anybody." in out
    assert [len(made()), Run.objects.count(), Diamond.objects.count()] == [0, 0, 0]


def test_prices_are_those_of_the_rules_in_force(folder: Path) -> None:
    RuleSet.objects.update(margin_natural=40)
    path = put(folder, [stone(**{"Total Price": "5,000"})])

    (shown,) = as_json(str(path))["stones"]

    assert (shown["cost_cents"], shown["price_cents"], shown["color"]) == (500_000, 700_000, "G")


def test_what_nobody_knows_is_shown_with_counts_and_what_a_column_may_hold(folder: Path) -> None:
    path = put(
        folder, [{**row, "Wibble": "VG", "Clarity": "QQ7" if n < 6 else "VS1"} for n, row in enumerate(stones(40))]
    )

    status, out, error = inspected(str(path))

    assert status == 1
    assert "clarity has words that nobody knows on 6 rows: 'QQ7' (6)" in error
    assert re.search(r"Wibble +NOBODY KNOWS, may be cut or polish or symmetry \(40 cells\): VG", out)
    assert re.search(r"6  clarity: QQ7", out)


def test_refusals_are_told_by_reason_and_rows_left_out_by_word(folder: Path) -> None:
    rows = [{**row, "Status": "Memo" if n % 10 == 0 else "G"} for n, row in enumerate(stones(40))]
    rows[5]["Total Price"], rows[6]["Total Price"] = "on request", "38%"
    path = put(folder, [*rows, rows[1]])

    shown = as_json(str(path))

    assert shown["census"]["not_offered"] == {"Memo": 4}
    assert shown["census"]["left_out"] == {"repeated": 1}
    (refusal,) = shown["refusals"]
    assert (refusal["field"], refusal["rows"], refusal["examples"]) == ("Total Price", 2, ["A-6", "A-7"])
    assert refusal["reasons"] == [
        ["'on request' is no amount of US dollars", 1],
        ["'38%' is no amount of US dollars", 1],
    ]
    assert "2 of 36 stones would be dead letters, more than 1%" in shown["faults"]


def test_a_question_and_a_missing_column_are_asked_with_the_columns_that_there_are(folder: Path) -> None:
    rows = [{**stone(**{"Stock #": f"B-{n}", "Weight": f"0.{30 + n}"}), "Price": "900"} for n in range(20)]
    lone = [{header: cell for header, cell in row.items() if header != "Total Price"} for row in rows]

    status, out, error = inspected(str(put(folder, lone)))

    assert status == 1
    assert "price of a carat or of the stone" in error
    assert re.search(r"Price +what nothing proves", out)

    nameless = [{header if header != "Stock #" else "Ref Wibble": cell for header, cell in row.items()} for row in rows]
    status, out, error = inspected(str(put(folder, nameless)))

    assert status == 1
    assert "no stock number column" in error
    assert re.search(r"Ref Wibble +NOBODY KNOWS", out)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere/list.csv"], "there is no file /nowhere/list.csv"),
        ([], "name a file or an address"),
        (["--feed", "nobody"], "there is no feed 'nobody'"),
        (["gopher://example.org/list.csv"], "is no way to fetch a price list"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_read_is_one_line_and_status_2(arguments: list[str], says: str) -> None:
    status, out, error = inspected(*arguments)

    assert (status, out) == (2, "")
    assert says in error
    assert "\n" not in error


def test_a_binary_file_is_one_line(folder: Path) -> None:
    path = folder / "list.csv"
    path.write_bytes(b"\0\1\2\3" * 100)

    assert inspected(str(path))[0] == 2


def test_a_feed_s_own_list_is_read_by_its_parameters_and_so_is_a_file(folder: Path) -> None:
    rosy(words={"clarity": {"QQ7": "SI2"}}, columns={"Wibble": "cut"})
    path = put(folder, [{**row, "Clarity": "QQ7", "Wibble": "VG"} for row in stones(10)])
    other = put(folder, [{**row, "Clarity": "qq7", "Wibble": "EX"} for row in stones(5)], "changed.csv")

    own, changed = as_json("--feed", "rosy"), as_json(str(other), "--feed", "rosy")

    assert {(one["clarity"], one["cut"]) for one in own["stones"]} == {("SI2", "VERY_GOOD")}
    assert {(one["clarity"], one["cut"]) for one in changed["stones"]} == {("SI2", "EXCELLENT")}
    assert own["is_fine"], own["faults"]
    assert path.exists()


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.csv")))
def test_every_case_of_the_trade_is_shown_and_its_rows_add_up(folder: Path, case: str) -> None:
    status, out, error = inspected(str(CASES / case), "--json")

    assert status in (0, 1), error
    shown = json.loads(out)
    census = shown["census"]
    parts = [census["offered"], *census["not_offered"].values(), *census["left_out"].values()]
    assert shown["question"] or sum(parts) == census["rows"]
    assert shown["question"] or shown["refused"] + (len(shown["stones"])) >= min(20, census["offered"])
    assert len(shown["columns"]) >= 2


# --- the page ----------------------------------------------------------------------------------------------------------


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
