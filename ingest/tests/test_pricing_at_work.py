"""Runs, publications and repricings at once, with workers that are killed: in the end every price is what the rules say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ingest.tests.stack import ROOT, Sandbox, Stack, until

pytestmark = pytest.mark.processes

FEEDS = ("nivoda-labgrown", "nivoda-natural")
#: Publishes so many drafts at least, one after the other, and more until its input ends; rolls back in between.
MERCHANDISER = """
import itertools, select, sys, time
import django
django.setup()
from pricing import editing, publishing
from pricing.models import Clause, Rule, RuleSet
first = RuleSet.objects.get(version=1)
for place in itertools.count():
    if place >= int(sys.argv[1]) and select.select([sys.stdin], [], [], 0)[0]:
        break
    draft = editing.new_draft(actor="maria", source=first)
    rule = Rule.objects.create(
        rule_set=draft, number=1, priority=10, name="rounds", modifier=1 + place % 50, rating=1 + place % 10,
        ending_cents=99, ending_step_cents=100,
    )
    Clause.objects.create(rule=rule, shapes=["ROUND"])
    RuleSet.objects.filter(pk=draft.pk).update(margin_natural=41 + place % 50, margin_lab_grown=80 + place % 50)
    publishing.publish(draft.pk, actor="maria", reason="dearer", below_cost_confirmed=True)
    # Each is followed by a repricing, for which a busy machine needs time; a killed worker's batches are longer in hand.
    time.sleep(0.4 if place < 9 else 2)
    if place % 3 == 2:
        publishing.publish(first.pk, actor="maria", reason="too dear", below_cost_confirmed=True)
        time.sleep(0.2)
"""
#: Publishes what is in force with one more rule, for the few stones of a shape.
FEW = """
import django
django.setup()
from pricing import editing, publishing
from pricing.models import Clause, Rule
draft = editing.new_draft(actor="maria")
rule = Rule.objects.create(rule_set=draft, number=900, priority=1, name="asschers", modifier=3)
Clause.objects.create(rule=rule, shapes=["ASSCHER"])
publishing.publish(draft.pk, actor="maria", reason="one shape", below_cost_confirmed=True)
print("[]")
"""
#: Diamonds that the set in force would price otherwise.
STALE = """
import json
import django
django.setup()
from django.utils import timezone
from psycopg import sql
from diamondhub.database import psycopg_cursor
from pricing.in_force import current_pricing
pricing = current_pricing(timezone.now())
columns = pricing.columns("d")
with psycopg_cursor() as cursor:
    cursor.execute(sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE (d.price_cents, d.rule, d.rating) "
        "IS DISTINCT FROM ({price_cents}, {rule}, {rating})) FROM {rows}"
    ).format(rows=pricing.rows(sql.Identifier("catalog_diamond"), "d"), **columns))
    print(json.dumps(cursor.fetchone()))
"""


@pytest.fixture
def stack() -> Iterator[Stack]:
    sandbox = Sandbox(3_000)
    sandbox.post("faults", latency_ms=100)
    stack = Stack(ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-pricing", sandbox)
    yield stack
    stack.stop()
    sandbox.stop()


def environment(stack: Stack) -> dict[str, str]:
    return {**stack.environment, **stack.urls(), "DJANGO_SETTINGS_MODULE": "diamondhub.settings", "LOG_LEVEL": "ERROR"}


def asked(stack: Stack, program: str) -> list[int]:
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(stack), capture_output=True, text=True, timeout=600
    )
    assert answer.returncode == 0, answer.stderr
    found: list[int] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_every_price_is_what_the_rules_say_however_runs_publications_and_repricings_cross(stack: Stack) -> None:
    # No batch is done before somebody has seen that the run consolidates, and that something else is in force.
    assert stack.manage("pause", "consolidation", "--reason", "a test").returncode == 0
    runs = [stack.start(feed, "--full") for feed in FEEDS]
    until(lambda: stack.pages(runs[0]) >= 3, seconds=30, what="the run reads pages")
    publishing = subprocess.Popen(
        [sys.executable, "-c", MERCHANDISER, "9"], cwd=ROOT, env=environment(stack), stdin=subprocess.PIPE
    )
    until(lambda: stack.state(runs[0]) == "consolidating", seconds=90, what="the run consolidates")
    until(lambda: stack.value("SELECT count(*) FROM pricing_repricing") > 0, seconds=60, what="a set is published")
    assert stack.manage("resume", "consolidation").returncode == 0
    stack.kill("worker-cpu")
    for run in runs:
        stack.wait_for(run)
    # Until then, so that a set comes into force while a run prices, however slow the machine is.
    assert publishing.stdin is not None
    publishing.stdin.close()
    again = stack.start(FEEDS[0], "--full")
    stack.kill("worker-cpu")
    stack.wait_for(again)
    assert publishing.wait(600) == 0
    until(
        lambda: not stack.value("SELECT count(*) FROM pricing_repricing WHERE state = 'ready'"),
        seconds=120,
        what=f"no repricing is under way; {stack.last_words()}",
    )

    stones, stale = asked(stack, STALE)
    assert stones > 2_000
    assert stale == 0
    newest = "SELECT state FROM pricing_repricing ORDER BY id DESC LIMIT 1"
    stack.rows("ANALYZE catalog_diamond")
    # On a slow machine each of those before was overtaken before it came to its ranges.
    all_of_them = subprocess.run(
        [sys.executable, "-c", MERCHANDISER, "1"],
        cwd=ROOT,
        env=environment(stack),
        stdin=subprocess.DEVNULL,
        timeout=600,
    )
    assert all_of_them.returncode == 0
    until(lambda: stack.value(newest) == "completed", seconds=60, what=f"all are repriced; {stack.last_words()}")
    # What a survey names is as right as what a range finds.
    asked(stack, FEW)
    stack.kill("worker-cpu")
    until(lambda: stack.value(newest) == "completed", seconds=60, what=f"the few are repriced; {stack.last_words()}")
    kinds = {row["kind"] for row in stack.rows("SELECT DISTINCT kind FROM pricing_repricingbatch")}
    assert kinds == {"survey", "range", "named"}
    assert asked(stack, STALE) == [stones, 0]
    stack.assert_invariants_hold()
    # What each stone cost is told without a gap, up to what it costs now.
    assert not stack.rows(
        """
        SELECT c.diamond_id FROM (
            SELECT diamond_id, id, old_price_cents, new_price_cents,
                lead(old_price_cents) OVER (PARTITION BY diamond_id ORDER BY id) AS following
            FROM pricing_pricechange
        ) AS c
        JOIN catalog_diamond AS d ON d.id = c.diamond_id
        WHERE c.new_price_cents <> coalesce(c.following, d.price_cents)
        """
    )
    states = {row["state"] for row in stack.rows("SELECT DISTINCT state FROM pricing_repricing")}
    assert states <= {"completed", "cancelled"}
    assert stack.value("SELECT count(*) FROM pricing_repricing WHERE cause LIKE 'run %% was overtaken'") >= 1
