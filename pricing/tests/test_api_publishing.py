"""Publishing, simulations, repricings and experiments by REST."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from catalog.models import Diamond
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.audit.models import AuditEvent
from diamondhub.webhooks.models import Delivery
from diamondhub.webhooks.tests.receivers import subscribed
from pricing import editing, experiments, reprice
from pricing.api import publishing
from pricing.models import Experiment, Repricing, RuleSet
from pricing.tests.asking import EDIT, PUBLISH, READ, problem, send, signed_in, wrong
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def http() -> Client:
    return signed_in(READ, PUBLISH)


def publish(http: Client, rule_set: RuleSet, **body: Any) -> Any:
    return send(http, "post", f"rule-sets/{rule_set.version}/publication", {"reason": "spring", "revision": 0, **body})


def test_a_draft_is_published_and_the_repricing_that_follows_is_told(http: Client) -> None:
    draft = a_draft({"modifier": 5})

    answer = publish(http, draft)

    assert answer.status_code == 202, answer.content
    draft.refresh_from_db()
    assert (draft.state, draft.published_by, draft.published_reason) == ("published", "tool (API client)", "spring")
    repricing = Repricing.objects.get()
    assert (answer.json()["repricing"], answer.json()["state"]) == (repricing.pk, "ready")
    assert http.get(f"/api/v1/repricings/{repricing.pk}").json() == answer.json()


def test_subscribers_are_told_of_the_rule_set_in_force_and_of_the_one_before(http: Client) -> None:
    subscribed("https://shop.example.com/", "rule_set.published")

    publish(http, a_draft({"modifier": 5}))

    told = json.loads(Delivery.objects.get().body)
    assert (told["type"], told["data"]) == (
        "rule_set.published",
        {"rule_set": 2, "before": 1, "repricing": Repricing.objects.get().pk},
    )


def test_rolling_back_publishes_an_earlier_version_without_a_revision(http: Client) -> None:
    publish(http, a_draft())

    answer = send(http, "post", "rule-sets/1/publication", {"reason": "that was wrong"})

    assert answer.status_code == 202
    assert RuleSet.objects.get(state="published").version == 1
    assert problem(send(http, "post", "rule-sets/1/publication", {"reason": "again"})) == (409, "already-published")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": " \n"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": 1}, "reason"),
        ({"revision": "0"}, "revision"),
        ({"replaces": "1"}, "replaces"),
        ({"confirm_below_cost": 1}, "confirm_below_cost"),
        ({"actor": "somebody else"}, "actor"),
    ],
)
def test_a_wrong_field_of_a_publication_is_named_and_nothing_published(http: Client, body: Any, field: str) -> None:
    draft = a_draft()

    assert wrong(publish(http, draft, **body)) == [field]

    assert RuleSet.objects.get(pk=draft.pk).state == "draft"
    assert not Repricing.objects.exists()


def test_a_draft_is_published_only_as_it_was_read(http: Client) -> None:
    draft = a_draft()
    editing.edited(draft.pk, revision=0)

    assert wrong(send(http, "post", f"rule-sets/{draft.version}/publication", {"reason": "x"})) == ["revision"]
    assert problem(publish(http, draft)) == (409, "stale-revision")
    assert publish(http, draft, revision=1).status_code == 202


def test_publishing_over_what_somebody_else_put_in_force_meanwhile_is_refused(http: Client) -> None:
    draft, other = a_draft(), a_draft()
    assert publish(http, other, replaces=1).status_code == 202

    assert problem(publish(http, draft, replaces=1)) == (409, "stale-revision")

    assert RuleSet.objects.get(state="published") == other
    assert publish(http, draft, replaces=other.version).status_code == 202


def test_selling_below_cost_must_be_confirmed(http: Client) -> None:
    a_diamond(cost_cents=100_000)
    draft = a_draft({"modifier": -41})

    refused = publish(http, draft)

    assert problem(refused) == (409, "sells-below-cost")
    assert refused.json()["detail"].startswith("1 stone would be sold below cost")
    assert refused.json()["errors"][0]["field"] == "confirm_below_cost"
    assert publish(http, draft, confirm_below_cost=False).status_code == 409
    assert publish(http, draft, confirm_below_cost=True).status_code == 202


def test_a_simulation_says_what_would_happen_and_writes_nothing(http: Client) -> None:
    a_diamond(cost_cents=100_000, price_cents=140_000)
    draft = a_draft({"modifier": 10})

    answer = http.get(f"/api/v1/rule-sets/{draft.version}/simulation")

    assert answer.status_code == 200
    assert answer.json()["total"]["effect"] == "100.00"
    assert (answer.json()["rules"][0]["stones"], answer.json()["up"][0]["new"]) == (1, "1500.00")
    assert Diamond.objects.get().price_cents == 140_000
    assert not Repricing.objects.exists()


def test_conflicts_name_the_rules_by_their_numbers(http: Client) -> None:
    draft = a_draft({"number": 4}, {"number": 7, "clauses": [{"shapes": ["OVAL"]}]})

    answer = http.get(f"/api/v1/rule-sets/{draft.version}/conflicts")

    (conflict,) = answer.json()["conflicts"]
    assert (conflict["kind"], conflict["rule"], conflict["earlier"]) == ("never", 7, [4])
    assert http.get("/api/v1/rule-sets/404/conflicts").status_code == 404
    assert http.get(f"/api/v1/rule-sets/{draft.version}/conflicts?x=1").status_code == 400


def test_a_simulation_that_takes_too_long_is_given_up(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_rule_set: RuleSet) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")

    monkeypatch.setattr(publishing, "SCAN_SECONDS", 0.1)
    monkeypatch.setattr(publishing, "simulate", slow)

    answer = http.get("/api/v1/rule-sets/1/simulation")

    assert problem(answer) == (503, "too-slow")


def test_repricings_are_started_listed_and_cancelled(http: Client) -> None:
    first = send(http, "post", "repricings", {"reason": "a new margin of the supplier"}).json()
    second = send(http, "post", "repricings", {"reason": "once more"}).json()

    page = http.get("/api/v1/repricings?limit=1").json()
    rest = http.get(f"/api/v1/repricings?cursor={page['next']}").json()

    assert [row["repricing"] for row in page["results"] + rest["results"]] == [second["repricing"], first["repricing"]]
    assert (rest["results"][0]["state"], rest["results"][0]["cancelled_reason"]) == (
        "cancelled",
        "superseded: once more",
    )
    assert (second["started_by"], second["cause"], second["batches"], second["done"]) == (
        "tool (API client)",
        "once more",
        1,
        0,
    )
    cancelled = send(http, "post", f"repricings/{second['repricing']}/cancellation", {"reason": "not today"})
    assert (cancelled.json()["state"], cancelled.json()["cancelled_by"]) == ("cancelled", "tool (API client)")
    again = send(http, "post", f"repricings/{second['repricing']}/cancellation", {"reason": "not today"})
    assert problem(again) == (409, "repricing-over")


def test_a_repricing_is_watched_where_its_start_says_and_told_once(http: Client) -> None:
    started = send(http, "post", "repricings", {"reason": "a new margin"})

    watched = http.get(started["Location"])
    again = http.get(started["Location"], headers={"If-None-Match": watched["ETag"]})
    reprice.cancel(watched.json()["repricing"], actor="eve", reason="no")
    later = http.get(started["Location"], headers={"If-None-Match": watched["ETag"]})

    assert watched.json() == started.json()
    assert (again.status_code, later.status_code, later.json()["state"]) == (304, 200, "cancelled")
    assert [row["state"] for row in http.get("/api/v1/repricings?state=cancelled").json()["results"]] == ["cancelled"]
    assert http.get("/api/v1/repricings?state=ready").json()["results"] == []


def test_a_reason_that_would_not_be_kept_whole_is_refused(http: Client) -> None:
    assert wrong(send(http, "post", "repricings", {"reason": "x" * 201})) == ["reason"]
    assert not Repricing.objects.exists()

    assert send(http, "post", "repricings", {"reason": "x" * 200}).json()["cause"] == "x" * 200


def test_a_body_in_chunks_is_not_taken_for_none(http: Client) -> None:
    experiments.new("dearer", a_draft({"modifier": 5}), Decimal(50))

    in_chunks: Any = {"CONTENT_TYPE": "application/json", "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = http.generic("POST", "/api/v1/experiments/dearer/start", **in_chunks)

    assert problem(answer) == (411, "length-required")
    assert Experiment.objects.get().state == "prepared"


def test_all_that_a_client_does_is_in_the_audit_under_one_name() -> None:
    http = signed_in(EDIT, PUBLISH)
    draft = a_draft({})
    send(http, "patch", f"rule-sets/{draft.version}", {"revision": 0, "margin_natural": 41})
    publish(http, draft, revision=1)

    mine = AuditEvent.objects.filter(kind="pricing.ruleset", object_id=draft.pk, what="changed")
    assert set(mine.values_list("who", "reason")) == {("tool (API client)", ""), ("tool (API client)", "spring")}


def test_progress_of_a_repricing_is_shown(http: Client) -> None:
    a_diamond(cost_cents=100_000, price_cents=1)
    repricing = reprice.start(cause="spring", actor="maria")
    reprice.work(repricing.pk)

    shown = http.get(f"/api/v1/repricings/{repricing.pk}").json()

    assert (shown["state"], shown["batches"], shown["done"]) == ("completed", 1, 1)
    assert (shown["stones"], shown["changed"], shown["repriced"]) == (1, 1, 1)


def test_what_there_is_not_is_not_found(http: Client) -> None:
    reason = {"reason": "x"}

    for answer in (
        http.get("/api/v1/repricings/404"),
        http.get(f"/api/v1/repricings/{10**30}"),
        send(http, "post", "repricings/404/cancellation", reason),
        http.get("/api/v1/experiments/ghost"),
        send(http, "post", "experiments/ghost/start"),
        send(http, "post", "experiments/ghost/end", reason),
        send(http, "post", "experiments", {"slug": "x", "rule_set": 404, "share": 10}),
        http.get("/api/v1/rule-sets/404/simulation"),
        send(http, "post", "rule-sets/404/publication", reason),
    ):
        assert problem(answer) == (404, "not-found")


def test_an_experiment_is_prepared_started_looked_at_and_ended(http: Client) -> None:
    draft = a_draft({"modifier": 10})
    a_diamond(experiment_arm="dearer", price_cents=150_000)

    made = send(
        http, "post", "experiments", {"slug": "dearer", "rule_set": draft.version, "share": 12.5, "notes": "why not"}
    )
    assert (made.status_code, made.json()["state"], made.json()["share"]) == (201, "prepared", 12.5)
    assert http.get("/api/v1/experiments/dearer").json()["results"] is None
    started = send(http, "post", "experiments/dearer/start")
    assert (started.status_code, started.json()["experiment"]) == (202, "dearer")
    arms = http.get("/api/v1/experiments/dearer").json()["results"]["arms"]
    assert arms[0] == {"arm": "dearer", "stones": 1, "mean_price": "1500.00", "sold": 0}
    assert problem(send(http, "post", "experiments/dearer/start")) == (409, "experiment-not-prepared")

    ended = send(http, "post", "experiments/dearer/end", {"reason": "enough"})

    assert (ended.status_code, ended.json()["experiment"]) == (202, None)
    shown = http.get("/api/v1/experiments/dearer").json()
    assert (shown["state"], shown["ended_by"], shown["ended_reason"]) == ("ended", "tool (API client)", "enough")
    assert shown["results"]["arms"] == arms
    assert [row["slug"] for row in http.get("/api/v1/experiments").json()["results"]] == ["dearer"]
    assert problem(send(http, "post", "experiments/dearer/end", {"reason": "x"})) == (409, "experiment-not-running")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "two words"}, "slug"),
        ({"slug": "<b>"}, "slug"),
        ({"slug": "x" * 10_000}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"share": 0}, "share"),
        ({"share": 100}, "share"),
        ({"share": "NaN"}, "share"),
        ({"share": 1e300}, "share"),
        ({"share": 0.001}, "share"),
        ({"rule_set": "1"}, "rule_set"),
        ({"salt": "mine"}, "salt"),
    ],
)
def test_a_wrong_field_of_an_experiment_is_named(http: Client, body: Any, field: str) -> None:
    draft = a_draft()
    Experiment.objects.create(slug="taken", rule_set=draft, share=Decimal(10), salt="x")

    answer = send(http, "post", "experiments", {"slug": "new", "rule_set": draft.version, "share": 10, **body})

    assert wrong(answer) == [field]
    assert Experiment.objects.count() == 1


def test_a_second_experiment_waits_for_the_first_to_end(http: Client) -> None:
    for slug in ("first", "second"):
        send(http, "post", "experiments", {"slug": slug, "rule_set": a_draft().version, "share": 10})
    send(http, "post", "experiments/first/start")

    answer = send(http, "post", "experiments/second/start")

    assert problem(answer) == (409, "experiment-under-way")
    assert "first is running" in answer.json()["detail"]


def test_publishing_repricing_and_experiments_need_their_scope() -> None:
    editor = signed_in(READ, EDIT)
    draft = a_draft()
    repricing = reprice.start(cause="spring", actor="maria")
    Experiment.objects.create(slug="dearer", rule_set=draft, share=Decimal(10), salt="x")
    reason = {"reason": "x"}

    for answer in (
        publish(editor, draft),
        send(editor, "post", "repricings", reason),
        send(editor, "post", f"repricings/{repricing.pk}/cancellation", reason),
        send(editor, "post", "experiments", {"slug": "new", "rule_set": draft.version, "share": 10}),
        send(editor, "post", "experiments/dearer/start"),
        send(editor, "post", "experiments/dearer/end", reason),
    ):
        assert problem(answer) == (403, "forbidden")
        assert PUBLISH in answer.json()["detail"]

    assert editor.get("/api/v1/experiments").status_code == 200
    assert RuleSet.objects.get(pk=draft.pk).state == "draft"
    assert Repricing.objects.get().state == "ready"


@pytest.mark.parametrize("address", ["repricings", "experiments", "rule-sets/1/simulation", "rule-sets/1"])
def test_an_unknown_parameter_is_refused(http: Client, address: str) -> None:
    assert wrong(http.get(f"/api/v1/{address}?fields=all")) == ["fields"]


def test_an_experiment_that_sells_below_cost_must_be_confirmed_and_one_not_started_can_be_thrown_away(
    http: Client,
) -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000) for _ in range(20))
    cheap = a_draft({"modifier": -41})
    for slug in ("cheaper", "other"):
        send(http, "post", "experiments", {"slug": slug, "rule_set": cheap.version, "share": 90})

    assert problem(send(http, "post", "experiments/cheaper/start")) == (409, "sells-below-cost")
    assert problem(send(http, "post", "experiments/cheaper/start", {})) == (409, "sells-below-cost")
    assert wrong(send(http, "post", "experiments/cheaper/start", {"confirm": True})) == ["confirm"]
    started = send(http, "post", "experiments/cheaper/start", {"confirm_below_cost": True})

    assert started.status_code == 202
    assert http.delete("/api/v1/experiments/other").status_code == 204
    assert problem(http.delete("/api/v1/experiments/cheaper")) == (409, "experiment-not-prepared")
    assert problem(http.delete("/api/v1/experiments/other")) == (404, "not-found")


@pytest.mark.parametrize("address", ["rule-sets", "rule-sets/1", "repricings", "experiments"])
def test_head_and_options_are_answered_and_nothing_is_kept_on_the_way(http: Client, address: str) -> None:
    assert http.options(f"/api/v1/{address}").status_code == 200
    assert http.head(f"/api/v1/{address}")["Cache-Control"] == "no-store"
