"""The commands of pricing: repricing by hand, and rule sets as YAML files."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from diamondhub.commands import ReportingCommand
from pricing import editing, rule_files
from pricing.errors import InvalidRules
from pricing.in_force import with_rules
from pricing.models import Clause, Repricing, Rule, RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def run(*arguments: Any) -> str:
    """The command's standard output."""
    out = StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def refusal(*arguments: Any) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_repricing_is_started_and_left_to_the_workers() -> None:
    told = json.loads(run("reprice", "--cause", "a new contract", "--json"))

    repricing = Repricing.objects.get()
    assert (told["repricing"], told["state"], told["cause"]) == (repricing.pk, "ready", "a new contract")
    assert "command line" in repricing.started_by


def test_waiting_does_the_work_where_there_is_no_worker() -> None:
    a_diamond(cost_cents=100_000, price_cents=1)

    told = run("reprice", "--wait")

    assert "completed: 1 stones, 1 written, 1 with another price" in told
    assert Diamond.objects.get().price_cents == 140_000


def test_a_repricing_is_cancelled_for_a_reason() -> None:
    run("reprice")
    number = Repricing.objects.get().pk

    assert "Say why" in refusal("reprice", "--cancel", number)
    told = json.loads(run("reprice", "--cancel", number, "--reason", "wrong", "--json"))

    assert (told["state"], told["cancelled_reason"]) == ("cancelled", "wrong")
    assert "cancelled already" in refusal("reprice", "--cancel", number, "--reason", "again")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cancel", "404", "--reason", "x"], "there is no repricing 404"),
        (["--cancel", 10**30, "--reason", "x"], "there is no repricing"),
        (["--cancel", "1", "--wait"], "--reason only"),
        (["--reason", "x"], "--cause"),
        (["--cancel", "one"], "invalid int value"),
        (["--cause", "x" * 201], "--cause must be at most 200 printable characters"),
        (["--cause", "\udcff"], "--cause: must be text in UTF-8"),
        (["--cancel", "1", "--reason", "x" * 501], "--reason must be at most 500 printable characters"),
    ],
)
def test_what_a_repricing_is_not_told_is_one_line(arguments: list[Any], said: str) -> None:
    assert said in refusal("reprice", *arguments)
    assert not Repricing.objects.exists()


# --- Files -----------------------------------------------------------------------------------------------------------


def full_set() -> RuleSet:
    return a_draft(
        {
            "number": 12,
            "name": "yes: 'Ovals' & # pears",
            "modifier": Decimal("-7.5"),
            "fixed_cents": -1_250,
            "ending_cents": 9_900,
            "ending_step_cents": 10_000,
            "ending_mode": "up",
            "rating": 8,
            "valid_from": date(2026, 1, 1),
            "active": False,
            "notes": "two\nlines, and ☃\r\n",
            "clauses": [
                {"shapes": ["PEAR", "OVAL"], "labs": ["GIA"], "labs_excluded": True, "color_min": 1, "color_max": 3},
                {"carats_min": Decimal("1.005"), "cost_cents_max": 123_456, "has_video": False, "suppliers": ["null"]},
                {},
            ],
        },
        {"number": 3, "name": "1.5", "clauses": []},
        floor_margin=Decimal("2.125"),
        notes="true",
    )


def exported(version: int) -> str:
    return run("export_rules", "--rule-set", version)


def imported(path: Path, text: str | bytes) -> int:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    version: int = json.loads(run("import_rules", path, "--json"))["rule_set"]
    return version


def test_what_is_exported_imported_and_exported_again_is_the_same_text(tmp_path: Path) -> None:
    text = exported(full_set().version)

    version = imported(tmp_path / "rules.yaml", text)

    assert exported(version) == text
    draft = RuleSet.objects.get(version=version)
    assert (draft.state, draft.notes, draft.floor_margin) == ("draft", "true", Decimal("2.125"))
    rule = draft.rules.get(number=12)
    assert (rule.name, rule.modifier, rule.fixed_cents) == ("yes: 'Ovals' & # pears", Decimal("-7.5"), -1_250)
    assert [str(clause) for clause in rule.clauses.all()] == [
        "colour D to F; shape is OVAL, PEAR; lab none of GIA",
        "without a video; cost up to $1,234.56; carats from 1.005; supplier is null",
        "every stone",
    ]


def test_a_file_reads_as_people_would_write_it() -> None:
    text = exported(a_draft({"modifier": 5, "clauses": [{"shapes": ["OVAL"], "carats_min": 2}]}).version)

    assert text == (
        "format: 1\nmargin_natural: 40\nmargin_lab_grown: 79\nmargin_fancy: 40\nrules:\n"
        "- number: 1\n  priority: 10\n  name: rule 1\n  modifier: 5\n"
        "  clauses:\n  - carats_min: 2\n    shapes:\n    - OVAL\n"
    )


def test_the_published_set_is_exported_to_a_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("old")

    assert run("export_rules", "--file", file) == ""

    assert file.read_text().startswith("format: 1\nmargin_natural: 40")
    assert list(tmp_path.iterdir()) == [file]


def test_where_nothing_can_be_written_or_read_is_told_in_one_line(tmp_path: Path) -> None:
    assert "no rule set 404" in refusal("export_rules", "--rule-set", 404)
    assert "no rule set" in refusal("export_rules", "--rule-set", 10**30)
    assert "cannot write" in refusal("export_rules", "--file", tmp_path)
    assert "No such file" in refusal("export_rules", "--file", tmp_path / "nowhere" / "rules.yaml")
    assert "No such file" in refusal("import_rules", tmp_path / "rules.yaml")
    assert "cannot read" in refusal("import_rules", tmp_path)
    assert "cannot read" in refusal("import_rules", "a\0b")


def test_rules_without_a_number_get_new_ones(tmp_path: Path) -> None:
    a_draft({"number": 40})
    text = HEAD + "rules:\n- {name: a, priority: 1}\n- {name: b, priority: 2, number: 41}\n- {name: c, priority: 3}\n"

    version = imported(tmp_path / "rules.yaml", text)

    rules = Rule.objects.filter(rule_set__version=version)
    assert list(rules.values_list("name", "number")) == [("a", 42), ("b", 41), ("c", 43)]


def test_numbers_behind_the_highest_there_can_be_are_those_between(tmp_path: Path) -> None:
    highest = 2_000_000_000
    a_draft({"number": highest})
    text = HEAD + "rules:\n- {name: a, priority: 1}\n- {name: b, priority: 2, number: 1}\n- {name: c, priority: 3}\n"

    version = imported(tmp_path / "rules.yaml", text)

    rules = Rule.objects.filter(rule_set__version=version)
    assert list(rules.values_list("name", "number")) == [("a", 2), ("b", 1), ("c", 3)]
    again = imported(tmp_path / "again.yaml", exported(version))
    assert list(Rule.objects.filter(rule_set__version=again).values_list("number", flat=True)) == [2, 1, 3]
    assert editing.next_number() == 4


HEAD = "format: 1\nmargin_natural: 40\nmargin_lab_grown: 79\nmargin_fancy: 40\n"
RULE = HEAD + "rules:\n- name: x\n  priority: 1\n"
FILES: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "the file is empty"),
    "a text": ("just words", "must be a mapping"),
    "a list": ("- 1\n", "must be a mapping"),
    "no format": (HEAD.replace("format: 1\n", "") + "rules: []\n", "format: must be 1"),
    "no margins": ("format: 1\nrules: []\n", "margin_natural: is missing"),
    "no rules": (HEAD, "rules: must be a list of rules"),
    "a cycle": (HEAD + "rules: &r [*r]\n", "line 5: anchors and aliases"),
    "a bomb": ("a: &a [x, x]\nb: &b [*a, *a]\n", "line 1: anchors and aliases"),
    "a tag": (HEAD + "rules: !!python/object/apply:os.system ['true']\n", "line 5: tags"),
    "bytes": (HEAD + "notes: !!binary aGFsbG8=\nrules: []\n", "line 5: tags"),
    "two documents": (HEAD + "rules: []\n---\nx: 1\n", "more than one document"),
    "depth": (HEAD + "rules: " + "[" * 2_000 + "]" * 2_000, "nests more than 12 levels"),
    "size": (HEAD + "#" * 4_000_000, "longer than 4,000,000 bytes"),
    "no UTF-8": (HEAD.encode() + b"notes: \xff\n", "line 5: the file is not UTF-8"),
    "no YAML": (HEAD + "rules: [\n", "this is not YAML"),
    "a control character": (HEAD + "notes: a\x07b\n", "this is not YAML"),
    "a NUL": (HEAD + 'notes: "a\\0b"\nrules: []\n', "line 5, notes: This must be plain text"),
    "a field twice": (HEAD + "margin_fancy: 41\nrules: []\n", "line 5: 'margin_fancy' stands twice"),
    "a merge": (HEAD + "<<: {a: 1}\nrules: []\n", "line 5: the names of fields"),
    "a number as field": (HEAD + "1: x\nrules: []\n", "line 5: the names of fields"),
    "a list as field": (HEAD + "? [a]\n: x\nrules: []\n", "line 5: the names of fields"),
    "an unknown field": (HEAD + "margins: 1\nrules: []\n", "line 5, margins: is not a field"),
    "an unknown field of a rule": (RULE + "  modifer: 3\n", "line 8, rules[0].modifer: is not a field that is known"),
    "an unknown condition": (RULE + "  clauses:\n  - carat: 1\n", "line 9, rules[0].clauses[0].carat"),
    "a contradiction": (
        RULE + "  clauses:\n  - carats_min: 2\n    carats_max: 1\n",
        "line 10, rules[0].clauses[0].carats_max",
    ),
    "an ending alone": (RULE + "  ending: '99'\n", "line 6, rules[0].ending_step"),
    "NaN": (RULE + "  modifier: .nan\n", "line 8, rules[0].modifier"),
    "infinity": (RULE + "  modifier: -.inf\n", "line 8, rules[0].modifier"),
    "digits without end": (RULE + "  modifier: " + "9" * 5_000 + "\n", "line 8"),
    "a format that is true": (HEAD.replace("format: 1", "format: true") + "rules: []\n", "line 1, format: must be 1"),
    "a number to the base of 60": (RULE + "  rating: 1" + ":00" * 1_000_000 + "\n", "line 8: '1:00:00"),
    "a fraction to the base of 60": (RULE + "  modifier: 1" + ":00" * 200 + ".5\n", "line 8: '1:00:00"),
    "a field whose name has no end": (
        HEAD + f"? {'k' * 1_000_000}\n: [1]\n", f"line 5: '{'k' * 40}'… is no name of a field"
    ),
    "a day that there is not": (RULE + "  valid_from: 2026-02-30\n", "line 8: '2026-02-30' is no value"),
    "a moment for a day": (RULE + "  valid_from: 2026-02-03T10:00:00Z\n", "line 8, rules[0].valid_from"),
    "an unknown shape": (RULE + "  clauses:\n  - shapes: [DRAGON]\n", "line 9, rules[0].clauses[0].shapes"),
    "a long name": (HEAD + f"rules:\n- name: {'x' * 10_000}\n  priority: 1\n", "line 6, rules[0].name"),
    "HTML in a name": (HEAD + "rules:\n- name: <b>x</b>\n  priority: 1\n", "line 6, rules[0].name"),
    "yes for a name": (HEAD + "rules:\n- name: yes\n  priority: 1\n", "line 6, rules[0].name: must be a text"),
    "a priority twice": (RULE + "- name: y\n  priority: 1\n", "line 9, rules[1].priority: is 1, as that of rules[0]"),
    "a number twice": (RULE + "  number: 4\n- {name: y, priority: 2, number: 4}\n", "rules[1].number: is 4"),
    "a number of no size": (RULE + "  number: 99999999999\n", "line 8, rules[0].number"),
    "too many rules": (HEAD + "rules:\n" + "- {}\n" * 1_001, "at most 1,000 rules"),
    "too many clauses": (RULE + "  clauses:\n" + "  - {}\n" * 51, "at most 50 clauses"),
    "a thousand mistakes": (HEAD + "rules:\n" + "- {}\n" * 1_000, "and 47 more"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_a_wrong_file_is_refused_in_one_line_and_nothing_is_saved(what: str, tmp_path: Path) -> None:
    content, said = FILES[what]
    path = tmp_path / "rules.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    assert said in refusal("import_rules", path)

    assert RuleSet.objects.count() == 1
    assert not Rule.objects.exists()


def test_a_full_set_of_rules_can_be_moved(tmp_path: Path) -> None:
    rule_set = a_draft()
    rules = [Rule(rule_set=rule_set, number=i, priority=i, name=f"rule {i}", rating=i % 10 + 1) for i in range(1, 501)]
    Rule.objects.bulk_create(rules)
    Clause.objects.bulk_create(Clause(rule=rule, shapes=["HEART"], carats_min=2) for rule in rules)
    text = exported(rule_set.version)

    version = imported(tmp_path / "rules.yaml", text)

    assert Rule.objects.filter(rule_set__version=version).count() == 500
    assert exported(version) == text


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(st.characters(categories=["L", "Nd"]) | st.sampled_from(" .,:()&#'%-+"), min_size=1, max_size=30),
    notes=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r"), max_size=40),
    supplier=st.text(st.characters(categories=["L", "P", "S", "Nd"]), min_size=1, max_size=20),
    modifier=st.decimals(-9999, 9999, places=3),
    carats=st.decimals(0, 99999, places=3),
)
def test_whatever_a_rule_says_goes_there_and_back(
    name: str, notes: str, supplier: str, modifier: Decimal, carats: Decimal
) -> None:
    if not name.strip() or "--" in name:
        return
    rule_set = a_draft(
        {
            "name": name.strip(),
            "notes": notes,
            "modifier": modifier,
            "clauses": [{"suppliers": [supplier], "carats_min": carats}],
        }
    )
    text = rule_files.to_yaml(rule_set)

    draft = rule_files.from_yaml(text.encode(), actor="maria")

    assert rule_files.to_yaml(with_rules(RuleSet.objects.filter(pk=draft.pk)).get()) == text
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_file_is_a_fault_of_ours(data: st.DataObject) -> None:
    content = bytearray(WHOLE_FILE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 12))
        content[place : place + length] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=6))

    try:
        rule_files.from_yaml(bytes(content), actor="maria")
    except InvalidRules:
        return
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


WHOLE_FILE = (
    RULE + "  number: 4\n  modifier: 7.5\n  fixed: '-1.50'\n  valid_from: 2026-01-01\n  active: true\n"
    "  clauses:\n  - shapes: [OVAL, PEAR]\n    carats_min: 1.5\n    color_min: D\n    has_image: false\n"
).encode()
PIECES = [
    b"null", b"~", b".nan", b"-.inf", b"1e999", b"0x7f", b"1:30", b"9" * 30, b"yes", b"''", b"{}", b"[]", b"{a: b}", b"\n",
    b"&a ", b"*a", b"!!set ", b"<<: ", b"? ", b"- ", b"|\n ", b"\x00", b"\xff", b"\xef\xbb\xbf", b'"\\0"', b'"\\ud800"',
    b"2026-13-45", b"%YAML 1.1\n---\n", b"...\n", b"@", b"`", b"\t",
]  # fmt: skip


def test_a_database_without_tables_is_one_line() -> None:
    class Asking(ReportingCommand):
        def run(self, *args: Any, **options: Any) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT * FROM a_table_that_there_is_not")

    with pytest.raises(CommandError, match="the database is empty"):
        call_command(Asking())
