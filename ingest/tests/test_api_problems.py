"""Problems by REST: listed, read, acknowledged, taken back and resolved, as by the admin and the command."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from diamondhub.audit.models import AuditEvent
from diamondhub.database import clock
from diamondhub.operations.models import Problem, ProblemEvent
from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.kinds import Severity
from pricing.tests.asking import problem, send, signed_in, wrong

pytestmark = pytest.mark.django_db

ME = "tool (API client)"
#: One that nothing looks at again, and one that a look ends.
BY_HAND, LOOKED_AT = "message-letter", "feed-stale"

#: Each deed with a body that it takes.
DEEDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("acknowledgement", {}),
    ("take-back", {}),
    ("resolution", {"reason": "x"}),
)


@pytest.fixture
def http() -> Client:
    return signed_in("problems:read", "problems:operate", "pricing:read")


def occurred(kind: str = BY_HAND, about: str = "ingest.tasks.walk", **told: Any) -> Problem:
    return tracking.occurred(kind, about, **{"subject": f"{about} is wrong", **told})


def act(http: Client, number: int, deed: str, body: dict[str, Any] | None = None, key: str = "", **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else None
    return send(http, "post", f"problems/{number}/{deed}", {**(body or {}), **fields}, headers)


def events() -> list[tuple[str, str, str]]:
    return list(ProblemEvent.objects.order_by("pk").values_list("what", "by", "note"))


class TestReading:
    def test_problems_are_listed_by_state_severity_and_kind(self, http: Client) -> None:
        old = occurred(about="a")
        tracking.resolve(BY_HAND, "a", why="mended")
        taken = occurred(about="b", severity=Severity.CRITICAL)
        tracking.acknowledge(taken.pk, by="olga", until=clock() + timedelta(hours=1))
        stale = occurred(LOOKED_AT, "feed:nivoda-natural", severity=Severity.WARNING)

        def listed(query: str) -> list[int]:
            answer = http.get(f"/api/v1/problems?{query}")
            assert answer.status_code == 200, answer.content
            return [shown["problem"] for shown in answer.json()["results"]]

        assert listed("") == [stale.pk, taken.pk, old.pk]
        assert listed("state=open,acknowledged") == [stale.pk, taken.pk]
        assert listed("state=acknowledged") == listed("severity=critical") == [taken.pk]
        assert listed("state=resolved") == [old.pk]
        assert listed("state=resolved,open") == [stale.pk, old.pk]
        assert listed(f"kind={LOOKED_AT}") == [stale.pk]
        assert listed(f"kind={LOOKED_AT},{BY_HAND}&state=open") == [stale.pk]
        assert listed("kind=backup-old") == []

    def test_pages_have_each_problem_once_though_they_change_in_between(self, http: Client) -> None:
        known = [occurred(about=f"thing {number}") for number in range(5)]
        seen = []
        address: str | None = "/api/v1/problems?state=open&limit=2"

        while address:
            page = http.get(address).json()
            seen += [shown["problem"] for shown in page["results"]]
            # What was on a page is seen again, and something new is wrong.
            occurred(about="thing 0")
            occurred(about=f"new after {len(seen)}")
            address = page["next"] and f"/api/v1/problems?state=open&limit=2&cursor={page['next']}"

        assert seen == [made.pk for made in reversed(known)]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("state=wrong", "state"),
            ("state=", "state"),
            ("severity=error", "severity"),
            ("kind=feed-stail", "kind"),
            ("kind=%00", "kind"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("about=feed:x", "about"),
            ("cursor=made-up", "cursor"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, http: Client, query: str, field: str) -> None:
        assert wrong(http.get(f"/api/v1/problems?{query}")) == [field]

    def test_a_kind_that_there_is_not_has_its_nearest_hinted_at(self, http: Client) -> None:
        answer = http.get("/api/v1/problems?kind=feed-stail")

        assert "did you mean feed-stale?" in answer.json()["detail"]

    def test_a_problem_says_what_became_of_it_how_it_ends_and_where_its_page_is(
        self, http: Client, settings: Any
    ) -> None:
        settings.PUBLIC_URL = "https://diamonds.example.com/"
        found = occurred(LOOKED_AT, "feed:nivoda-natural", where="run:17", details={"age": 4711}, trace_id="ab" * 16)
        tracking.acknowledge(found.pk, by="olga", until=clock() + timedelta(hours=1), note="I look")

        answer = http.get(f"/api/v1/problems/{found.pk}")

        shown = answer.json()
        assert (shown["state"], shown["acknowledged_by"], shown["where"]) == ("acknowledged", "olga", "run:17")
        assert (shown["details"], shown["withheld"], shown["by_hand"]) == ({"age": 4711}, None, False)
        assert [(event["what"], event["note"]) for event in shown["events"]] == [
            ("acknowledged", "I look"),
            ("opened", "feed:nivoda-natural is wrong"),
        ]
        assert shown["ends_when"]
        assert shown["links"]["page"] == f"https://diamonds.example.com/admin/operations/problem/{found.pk}/change/"
        assert http.get(f"/api/v1/problems/{found.pk}", headers={"If-None-Match": answer["ETag"]}).status_code == 304

    def test_values_of_suppliers_are_kept_from_whom_may_not_see_costs(self) -> None:
        http = signed_in("problems:read", "problems:operate")
        costly = occurred(subject="price: '471193857.00' is no number", details={"price": 471293857})
        channel = occurred("channel-failing", "channel:mail", subject="mail fails for 15 min", details={"waiting": 3})
        tracking.resolve_by_hand(costly.pk, by="olga", reason="it is 471393857 now")

        answers = [http.get("/api/v1/problems"), http.get(f"/api/v1/problems/{costly.pk}")]
        plain = http.get(f"/api/v1/problems/{channel.pk}").json()

        for answer in answers:
            assert answer.status_code == 200
            assert not any(cost in answer.content for cost in (b"471193857", b"471293857", b"471393857"))
        shown = answers[1].json()
        assert (shown["subject"], shown["withheld"]) == ("price: … is no number", "pricing:read")
        assert (plain["subject"], plain["details"], plain["withheld"]) == (
            "mail fails for 15 min",
            {"waiting": 3},
            None,
        )

    def test_a_problem_of_a_kind_that_is_no_more_is_shown_and_can_be_resolved(self, http: Client) -> None:
        old = occurred()
        Problem.objects.update(kind="of-a-former-version")

        shown = http.get(f"/api/v1/problems/{old.pk}").json()
        resolved = act(http, old.pk, "resolution", reason="nobody looks at it any more")

        assert (shown["title"], shown["by_hand"], shown["ends_when"]) == ("of-a-former-version", True, None)
        assert (resolved.status_code, resolved.json()["state"]) == (200, "resolved")

    def test_a_problem_that_there_is_not_is_not_found(self, http: Client) -> None:
        for number in (4711, 2**63, 10**30):
            assert problem(http.get(f"/api/v1/problems/{number}")) == (404, "not-found")
            for deed, body in DEEDS:
                assert problem(act(http, number, deed, body)) == (404, "not-found")


class TestActing:
    def test_a_client_takes_care_of_a_problem_leaves_it_and_resolves_it(self, http: Client) -> None:
        found = occurred()

        taken = act(http, found.pk, "acknowledgement", minutes=30, note="the supplier is told").json()
        left = act(http, found.pk, "take-back", note="the day shift's").json()
        over = act(http, found.pk, "resolution", reason="it was rain").json()

        found.refresh_from_db()
        assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", ME)
        assert (left["state"], left["acknowledged_by"], left["acknowledged_until"]) == ("open", None, None)
        assert (over["state"], over["resolved_by"], over["resolved_why"]) == ("resolved", ME, "it was rain")
        assert [(what, by) for what, by, _ in events()] == [
            ("opened", ""),
            ("acknowledged", ME),
            ("acknowledgement_ended", ME),
            ("resolved", ME),
        ]
        audited = AuditEvent.objects.filter(kind="operations.problem").order_by("event_id")
        assert [(event.who, event.reason) for event in audited] == [
            (ME, "the supplier is told"),
            (ME, "the day shift's"),
            (ME, "it was rain"),
        ]

    @pytest.mark.parametrize(
        ("body", "after"),
        [({}, timedelta(hours=1)), ({"minutes": 90}, timedelta(minutes=90)), ({"minutes": 10_080}, timedelta(days=7))],
    )
    def test_it_is_taken_care_of_for_as_long_as_is_said_or_an_hour(
        self, http: Client, body: dict[str, Any], after: timedelta
    ) -> None:
        found = occurred()
        before = clock()

        answer = act(http, found.pk, "acknowledgement", body)

        assert answer.status_code == 200, answer.content
        found.refresh_from_db()
        assert found.acknowledged_until is not None
        assert before + after <= found.acknowledged_until <= clock() + after

    def test_it_is_taken_care_of_until_a_moment(self, http: Client) -> None:
        found = occurred()
        until = clock() + timedelta(hours=5)

        act(http, found.pk, "acknowledgement", until=until.isoformat())

        found.refresh_from_db()
        assert found.acknowledged_until == until

    @pytest.mark.parametrize("away", [timedelta(seconds=-1), timedelta(days=7, hours=1), timedelta(days=365_000)])
    def test_nobody_takes_care_of_it_until_what_is_over_or_for_ever(self, http: Client, away: timedelta) -> None:
        found = occurred()

        answer = act(http, found.pk, "acknowledgement", until=(clock() + away).isoformat().replace("+00:00", "Z"))

        assert wrong(answer) == ["until"]
        assert [what for what, _, _ in events()] == ["opened"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"minutes": 0}, "minutes"),
            ({"minutes": 10_081}, "minutes"),
            ({"minutes": 1.5}, "minutes"),
            ({"minutes": True}, "minutes"),
            ({"minutes": "60"}, "minutes"),
            ({"minutes": None}, "minutes"),
            ({"minutes": 60, "until": "2030-01-01T00:00:00Z"}, "until"),
            ({"until": "tomorrow"}, "until"),
            ({"until": 1}, "until"),
            ({"note": "x" * 501}, "note"),
            ({"note": "a\0b"}, "note"),
            ({"note": "\ud800"}, "note"),
            ({"by": "olga"}, "by"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_changed(
        self, http: Client, body: dict[str, Any], field: str
    ) -> None:
        found = occurred()

        assert wrong(act(http, found.pk, "acknowledgement", body)) == [field]
        found.refresh_from_db()
        assert found.state == "open"

    @pytest.mark.parametrize("body", [{}, {"reason": " \n "}, {"reason": 1}, {"reason": "x", "why": "x"}])
    def test_nothing_is_resolved_without_a_reason(self, http: Client, body: dict[str, Any]) -> None:
        found = occurred()

        assert act(http, found.pk, "resolution", body).status_code == 400
        found.refresh_from_db()
        assert found.state == "open"

    def test_what_a_look_ends_is_not_resolved_by_hand_and_the_refusal_says_when_it_ends(self, http: Client) -> None:
        found = occurred(LOOKED_AT, "feed:nivoda-natural")

        refused = act(http, found.pk, "resolution", reason="it is fine")

        assert problem(refused) == (409, "problem-ends-by-itself")
        assert "it ends " in refused.json()["detail"]
        assert [what for what, _, _ in events()] == ["opened"]

    def test_what_is_over_or_was_not_acknowledged_is_refused_and_says_so(self, http: Client) -> None:
        found = occurred()
        before = problem(act(http, found.pk, "take-back"))
        act(http, found.pk, "resolution", reason="mended")

        assert before == (409, "problem-not-acknowledged")
        assert problem(act(http, found.pk, "take-back")) == (409, "problem-not-acknowledged")
        assert problem(act(http, found.pk, "acknowledgement")) == (409, "problem-resolved")
        assert problem(act(http, found.pk, "resolution", reason="again")) == (409, "problem-resolved")

    def test_a_request_that_is_repeated_with_its_key_is_done_once(self, http: Client) -> None:
        found = occurred()

        first = act(http, found.pk, "acknowledgement", key="one", minutes=60)
        act(http, found.pk, "take-back")
        again = act(http, found.pk, "acknowledgement", key="one", minutes=60)
        other = act(http, found.pk, "acknowledgement", key="one", minutes=61)

        found.refresh_from_db()
        assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (200, first.json(), "true")
        assert found.state == "open"
        assert problem(other) == (422, "idempotency-key-reused")

    def test_who_may_only_read_does_nothing(self) -> None:
        found = occurred()
        reader = signed_in("problems:read", "runs:operate")

        for deed, body in DEEDS:
            assert problem(act(reader, found.pk, deed, body)) == (403, "forbidden")
        assert [what for what, _, _ in events()] == ["opened"]
