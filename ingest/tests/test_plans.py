"""The plan that a run keeps: a struct, whatever version wrote the row; what is no plan are columns."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection
from django.test import Client
from django.urls import reverse

from ingest.models import Run
from ingest.models.plan import Counting, RunPlan
from ingest.report import report
from ingest.tests import rows

pytestmark = pytest.mark.django_db

#: As every earlier version wrote it.
OLD: dict[str, Any] = {
    "method": "learned",
    "total": 25,
    "partitions": 3,
    "largest": 10,
    "mean": 8.3,
    "uncounted": 0,
    "requests": 4,
    "seconds": 0.012,
    "shared_ends": True,
    "difference": 0,
    "density": [[0, 0], [500, 25]],
}


def kept(run: Run) -> dict[str, Any]:
    """What the row has, as SQL sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan::text FROM ingest_run WHERE id = %s", [run.pk])
        (text,) = cursor.fetchone() or ("",)
    found: dict[str, Any] = json.loads(text)
    return found


def write(run: Run, plan: Any) -> None:
    """Write a plan as an earlier version did, or as a person does by hand."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ingest_run SET plan = %s WHERE id = %s", [json.dumps(plan), run.pk])


def test_a_row_of_an_earlier_version_is_read_as_a_plan() -> None:
    run = rows.run()
    write(run, {**OLD, "crashes": 2, "failures": 1})

    run.refresh_from_db()

    assert run.plan == RunPlan(
        method="learned",
        total=25,
        partitions=3,
        largest=10,
        mean=8.3,
        requests=4,
        seconds=0.012,
        shared_ends=True,
        density=[(0, 0), (500, 25)],
    )


def test_what_an_earlier_version_did_not_keep_is_as_in_an_empty_plan() -> None:
    run = rows.run()
    write(run, {"total": 7, "partitions": 1})

    run.refresh_from_db()

    assert (run.plan.total, run.plan.made) == (7, True)
    assert (run.plan.method, run.plan.uncounted, run.plan.shared_ends, run.plan.density) == (None, 0, False, [])


def test_counts_that_an_earlier_version_left_half_way_are_not_asked_for_again() -> None:
    run = rows.run(state="planning")
    began = "2026-11-01T12:00:00+00:00"
    write(run, {"known": {"0-*": 900}, "slow": {"0-99": 1}, "requests": 3, "began": began})

    run.refresh_from_db()

    assert run.plan == RunPlan(requests=3, counting=Counting(rows.AT, {"0-*": 900}, {"0-99": 1}))
    assert not run.plan.made


@pytest.mark.parametrize("written", [[], "a plan", {"total": "many"}, {"density": [[1]]}, {"began": "yesterday"}])
def test_a_plan_that_nobody_can_read_is_an_empty_one(written: Any) -> None:
    run = rows.run()
    write(run, written)

    run.refresh_from_db()

    assert run.plan == RunPlan()


def test_a_plan_is_written_and_read_as_it_was() -> None:
    plan = RunPlan(method="adaptive", total=900, partitions=9, mean=100.5, density=[(0, 0), (70, 900)])

    run = rows.run(plan=plan)

    assert Run.objects.get(pk=run.pk).plan == plan
    assert kept(run) == {
        "method": "adaptive",
        "total": 900,
        "partitions": 9,
        "mean": 100.5,
        "density": [[0, 0], [70, 900]],
    }


def test_a_new_run_has_an_empty_plan() -> None:
    run = Run.objects.create(feed=rows.feed(), kind="full", trace_id="0" * 32, started_by="eve", rule_set=1)

    assert (run.plan, Run.objects.get(pk=run.pk).plan) == (RunPlan(), RunPlan())
    assert kept(run) == {}


def test_plans_can_be_asked_for_by_what_is_in_them() -> None:
    run = rows.run(plan=RunPlan(total=900))
    rows.run(plan=RunPlan(total=901), state="completed")

    asked = Run.objects.filter(plan__total=900)

    assert list(asked) == [run]
    assert asked.values_list("plan__total", flat=True).get() == 900


def test_a_run_is_dumped_and_loaded_with_its_plan() -> None:
    run = rows.run(plan=RunPlan(total=900, density=[(0, 0), (70, 900)]))

    dumped = serializers.serialize("json", [run])
    (loaded,) = serializers.deserialize("json", dumped)
    loaded.save()

    assert Run.objects.get(pk=run.pk).plan == run.plan


def test_crashes_and_failures_of_earlier_versions_become_columns_and_can_go_back() -> None:
    migration = importlib.import_module("ingest.migrations.0035_plans")
    troubled, calm = rows.run(state="failed"), rows.run(state="completed")
    write(troubled, {**OLD, "crashes": 2, "failures": 1})
    write(calm, OLD)

    with connection.cursor() as cursor:
        cursor.execute(migration.MOVE)
    there = [(kept(run), *counts(run)) for run in (troubled, calm)]
    with connection.cursor() as cursor:
        cursor.execute(migration.MOVE_BACK)

    assert there == [(OLD, 2, 1), (OLD, 0, 0)]
    assert [kept(run) for run in (troubled, calm)] == [{**OLD, "crashes": 2, "failures": 1}, OLD]


def counts(run: Run) -> tuple[int, int]:
    run.refresh_from_db()
    return run.crashes, run.planning_failures


def test_the_page_of_a_run_without_a_plan_shows_none() -> None:
    run = rows.run(state="planning", plan=RunPlan(requests=3, counting=Counting(rows.AT)))
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))

    page = client.get(reverse("admin:ingest_run_change", args=[run.pk]))

    assert page.status_code == 200
    assert report(run)["planning_requests"] == 3
