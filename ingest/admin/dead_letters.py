"""Dead letters in the admin: grouped by cause, with payload and attempts, to be replayed or discarded for a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from catalog.models import Diamond
from diamondhub.admin.base import COUNT_CAP, ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, Link, Table, badge, code, moment, number, pretty_json, row_link
from diamondhub.operations import jobs
from diamondhub.operations.job_admin import ask_and_show, job_page, jobs_about
from ingest import dead_letters, job_kinds, replaying
from ingest.admin.acting import RequiredReason, act
from ingest.background import letters
from ingest.models import DeadLetter, DeadLetterAttempt

#: Permissions to replay letters, and to discard them.
REPLAY = "ingest.replay_deadletter"
DISCARD = "ingest.discard_deadletter"
#: Letters that a button tries or replays first, and at most at once: a request must not take minutes, so more of them are
#: given to a worker.
SAMPLE = 10
MAX_AT_ONCE = 200
#: Letters that are discarded at once: to close one costs little.
MAX_DISCARDED_AT_ONCE = 5_000
#: Attempts that the page of a letter shows.
ATTEMPTS_SHOWN = 50
#: Causes that stand above the list, the most frequent first.
CAUSES_SHOWN = 8


def open_causes() -> list[dict[str, Any]]:
    """The most frequent causes of open letters, each with its newest letter."""
    list_url = reverse("admin:ingest_deadletter_changelist")
    return [
        {
            "letters": letters,
            "letter": newest,
            "url": f"{list_url}?fingerprint={newest.fingerprint}",
            "replay_url": reverse("admin:ingest_deadletter_replay", args=["cause", newest.fingerprint]),
            "discard_url": reverse("admin:ingest_deadletter_discard", args=["cause", newest.fingerprint]),
            "try_url": reverse("admin:ingest_deadletter_try", args=["cause", newest.fingerprint]),
        }
        for letters, newest in dead_letters.open_causes(most=CAUSES_SHOWN, look_at=COUNT_CAP)
    ]


#: What the page of a cause shows of what was asked for.
OF_LETTERS = (job_kinds.REPLAY_TRIAL, job_kinds.REPLAY, job_kinds.DISCARD)


def of_cause(request: HttpRequest, fingerprint: str) -> dict[str, Any]:
    """Above the letters of one cause: its buttons while letters wait, and what was asked for before."""
    names = {"replay", "discard", "try"}
    return {
        "asked": jobs_about(request, fingerprint, *OF_LETTERS),
        "cause_waits": dead_letters.waiting().filter(fingerprint=fingerprint).exists(),
        "cause_urls": {name: reverse(f"admin:ingest_deadletter_{name}", args=["cause", fingerprint]) for name in names},
    }


class WhyLetters(RequiredReason):
    """The mandatory reason for replaying or discarding letters."""

    reason = forms.CharField(
        max_length=500, label="Reason", error_messages={"required": "Say why: the reason is kept with the letters."}
    )


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin[DeadLetter]):
    """The admin of dead letters, newest first."""

    list_display = ("stone", "kind", "badge", "feed", "field", "short_reason", "of_run", "created")
    list_filter = ("kind", "state", "feed")
    list_select_related = ("feed", "run__feed")
    allowed_lookups = ("fingerprint", "run")
    detail_template = "admin/ingest/deadletter/detail.html"
    list_before_template = "admin/ingest/deadletter/causes.html"
    search_help_text = "Number of the dead letter"

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """The list's rows are read without payloads, which only the page of a letter shows."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer("payload") if match and match.url_name == "ingest_deadletter_changelist" else rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        fingerprint = request.GET.get("fingerprint", "")[:32]
        asked = of_cause(request, fingerprint) if fingerprint else {}
        causes = {"causes": open_causes(), **_may(request)} if self.has_view_permission(request) else {}
        return super().changelist_view(
            request,
            {**causes, "fingerprint": fingerprint, **asked, **(extra_context or {})},
        )

    @admin.display(description="stone")
    def stone(self, letter: DeadLetter) -> str:
        return letter.supplier_stone_id or f"letter {letter.pk}"

    @admin.display(description="state")
    def badge(self, letter: DeadLetter) -> SafeString:
        return badge(letter.state)

    @admin.display(description="reason")
    def short_reason(self, letter: DeadLetter) -> str:
        return letter.reason if len(letter.reason) <= 90 else f"{letter.reason[:89]}…"

    @admin.display(description="run")
    def of_run(self, letter: DeadLetter) -> str | SafeString:
        return row_link(letter.run, f"Run {letter.run_id}") if letter.run else NOTHING

    @admin.display(description="created")
    def created(self, letter: DeadLetter) -> str | SafeString:
        return moment(letter.created_at)

    def links(self, request: HttpRequest, row: DeadLetter) -> list[Link]:
        """Letters of the same cause, and the diamond as the catalogue still has it."""
        same = f"{reverse('admin:ingest_deadletter_changelist')}?fingerprint={row.fingerprint}"
        links = [Link("Letters of this cause", same, "report")]
        if row.diamond_id and Diamond.objects.filter(pk=row.diamond_id).exists():
            links.append(Link("Diamond", reverse("admin:catalog_diamond_change", args=[row.diamond_id]), "diamond"))
        return links

    def detail_context(self, request: HttpRequest, row: DeadLetter) -> dict[str, Any]:
        return {
            "state": badge(row.state),
            "letter": row,
            "replay_url": reverse("admin:ingest_deadletter_replay", args=["letter", row.pk]),
            "discard_url": reverse("admin:ingest_deadletter_discard", args=["letter", row.pk]),
            "try_url": reverse("admin:ingest_deadletter_try", args=["letter", row.pk]),
            **{name: allowed and row.waiting for name, allowed in _may(request).items()},
        }

    def tables(self, request: HttpRequest, row: DeadLetter) -> list[Table]:
        attempts = DeadLetterAttempt.objects.filter(letter_id=row.pk).order_by("-pk")[:ATTEMPTS_SHOWN]
        return [
            Table(
                "Attempts",
                ["at", "by", "outcome", "reason", "mapper", "rule set"],
                [
                    [
                        moment(attempt.at),
                        attempt.actor,
                        badge(attempt.outcome),
                        attempt.reason or NOTHING,
                        attempt.mapper_version or NOTHING,
                        attempt.rule_set or NOTHING,
                    ]
                    for attempt in attempts
                ],
                note="Nothing was done about it yet.",
            )
        ]

    # --- buttons -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<str:of>/<str:which>/try/", view(self.try_out), name="ingest_deadletter_try"),
            path("<str:of>/<str:which>/replay/", view(self.replay), name="ingest_deadletter_replay"),
            path("<str:of>/<str:which>/discard/", view(self.discard), name="ingest_deadletter_discard"),
            *super().get_urls(),
        ]

    def try_out(self, request: HttpRequest, of: str, which: str) -> HttpResponse:
        """Say what a sample of a cause's letters, or a single one, would become; nothing is written."""

        def do(reason: str) -> tuple[str, str]:
            chosen = _chosen(of, which)
            actor = request.user.get_username()
            report = replaying.replay(chosen, actor=actor, why=reason, dry_run=True, force=True, most=SAMPLE)
            job = jobs.record(
                job_kinds.REPLAY_TRIAL,
                chosen.values_list("fingerprint", flat=True)[0] if of == "letter" else which[:32],
                by=actor,
                result=letters.result_of(report),
                reason=reason,
            )
            return "Nothing is written: this is what they would become.", job_page(job)

        return act(request, REPLAY, do, back=_back(of, which))

    def replay(self, request: HttpRequest, of: str, which: str) -> HttpResponse:
        """Replay the letters of a cause, or a single one; a sample goes first, and a worker does what takes its time."""

        def do(reason: str) -> tuple[str, str]:
            chosen = _chosen(of, which)
            if of == "cause" and chosen.count() > MAX_AT_ONCE:
                sample = {"sample": SAMPLE}
                return ask_and_show(request, job_kinds.REPLAY, which[:32], reason=reason, parameters=sample)
            report = replaying.replay(
                chosen,
                actor=request.user.get_username(),
                why=reason,
                sample=SAMPLE,
                # Who comes from the problem that they are parked means just these.
                force=of == "letter" or "parked" in request.GET,
                most=MAX_AT_ONCE,
            )
            if report.failed or report.stopped:
                example = next((letter["reason"] for letter in report.letters if letter["outcome"] == "failed"), "")
                messages.warning(request, f"Still failing, e.g.: {example}" if example else report.stopped)
            return f"{report.in_words()}.", _back(of, which)

        return act(request, REPLAY, do, back=_back(of, which), form=WhyLetters)

    def discard(self, request: HttpRequest, of: str, which: str) -> HttpResponse:
        """Close the letters of a cause, or a single one, without processing them."""

        def do(reason: str) -> tuple[str, str]:
            chosen = _chosen(of, which)
            if of == "cause" and chosen.count() > MAX_DISCARDED_AT_ONCE:
                return ask_and_show(request, job_kinds.DISCARD, which[:32], reason=reason)
            count = dead_letters.discard(chosen, actor=request.user.get_username(), reason=reason)
            return f"{count:,} letter{'s are' if count != 1 else ' is'} discarded.", _back(of, which)

        return act(request, DISCARD, do, back=_back(of, which), form=WhyLetters)

    def groups(self, request: HttpRequest, row: DeadLetter) -> list[Group]:
        return [
            Group(
                "What went wrong",
                [
                    ("state", badge(row.state)),
                    ("field", row.field or NOTHING),
                    ("reason", row.reason),
                    ("kind", row.get_kind_display()),
                    ("stones", number(row.stones)),
                    ("cause (fingerprint)", row.fingerprint),
                    ("replayed in vain", f"{row.attempts} of {dead_letters.MAX_ATTEMPTS} times"),
                    ("came again", f"{row.seen - 1} times"),
                ],
            ),
            Group(
                "What became of it",
                [
                    ("closed", moment(row.closed_at)),
                    ("by", row.closed_by or NOTHING),
                    ("reason", row.closed_reason or NOTHING),
                ],
            ),
            Group(
                "Where it came from",
                [
                    ("feed", row_link(row.feed) if row.feed else NOTHING),
                    ("run", row_link(row.run) if row.run else NOTHING),
                    ("supplier's stone id", row.supplier_stone_id or NOTHING),
                    ("diamond id", row.diamond_id or NOTHING),
                    ("requested at", moment(row.observed_at)),
                    ("query", row.query_version or NOTHING),
                    ("mapper", row.mapper_version or NOTHING),
                    ("rule set", row.rule_set or NOTHING),
                    ("trace id", row.trace_id or NOTHING),
                    ("created", moment(row.created_at)),
                ],
            ),
            Group(
                "Payload",
                [("as received, indented" if row.exact else "cut or escaped", code(pretty_json(row.payload)))],
            ),
        ]


def _may(request: HttpRequest) -> dict[str, bool]:
    """The buttons that this person may use."""
    return {"may_replay": request.user.has_perm(REPLAY), "may_discard": request.user.has_perm(DISCARD)}


def _chosen(of: str, which: str) -> QuerySet[DeadLetter]:
    """The waiting letters that an address means. Raises `NoSuchLetters`."""
    if of == "cause":
        return replaying.select(fingerprint=which[:32])
    if of == "letter" and which.isascii() and which.isdigit() and len(which) < 19:
        return replaying.select(letter=int(which))
    raise replaying.NoSuchLetters


def _back(of: str, which: str) -> str:
    """The page that the button is on."""
    if of == "letter":
        return reverse("admin:ingest_deadletter_change", args=[which])
    return reverse("admin:ingest_deadletter_changelist")
