"""The page "New price list": a list is looked at, words and headers are given their meaning, and a feed is made of it.

It serves an existing feed as well, before a changed list is taken. Each step sends the whole form and looks anew; nothing is
saved before "Save". An uploaded file is kept for the next step on the server (`ingest.seen_lists`).
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.validators import validate_slug
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub import json_text
from diamondhub.admin.display import NOTHING, dollars
from diamondhub.admin.forms import TextInput
from diamondhub.api.problems import sentence
from diamondhub.audit.acting import acting
from diamondhub.telemetry import scrub
from ingest import creating, looking_at_lists, seen_lists, uploads
from ingest.admin.feed_forms import (
    PARAMETER,
    SECRET,
    NewFeedForm,
    PairsField,
    WordsField,
    fields_of,
    initial_of,
    joined,
    word_of,
)
from ingest.errors import IngestError
from ingest.feeds.pricelist import vocabulary
from ingest.feeds.pricelist.headers import SPELLINGS
from ingest.feeds.pricelist.inspecting import Inspection
from ingest.feeds.registry import check_parameters, secret_names
from ingest.looking_at_lists import ADAPTER
from ingest.models import Feed, SeenList

if TYPE_CHECKING:
    from django.http import QueryDict

    from ingest.admin.feeds import FeedAdmin

#: A list that is named is looked at while somebody waits: bytes, and seconds to fetch it. Rows that are mapped of it.
MAX_BYTES, MAX_SECONDS, MAX_MAPPED = 20_000_000, 20.0, 20_000
#: Headers and words that are asked at a time, and the answer that leaves one out.
MAX_ASKED, LEAVE_OUT = 60, "-"
#: What the fields of a person's choices are called, with a number behind.
_HEADER, _MEANS, _WORD, _OF, _SAYS = "header_", "means_", "word_", "of_", "says_"


class ListForm(forms.Form):
    """A list and how it is read; `of` makes the form of a feed that is to be, or of one that is there."""

    file = forms.FileField(required=False, label="File", allow_empty_file=True)

    @classmethod
    def of(cls, feed: Feed | None) -> type[ListForm]:
        """The form with the fields of the adapter's parameters."""
        fields: dict[str, forms.Field] = fields_of(ADAPTER)
        source = fields[f"{PARAMETER}source"]
        source.required, source.label = False, "Address or path"
        if feed is None:
            made = NewFeedForm.of(ADAPTER)
            fields["slug"] = forms.CharField(
                max_length=50,
                required=False,
                validators=[validate_slug],
                label="Short name",
                help_text="Letters, numbers, hyphens. It is part of its diamonds' ids and never changes.",
                widget=TextInput(attrs={"placeholder": "rosy"}),
            )
            fields["name"] = forms.CharField(max_length=100, required=False, label="Name", widget=TextInput())
            for name in secret_names(ADAPTER):
                fields[f"{SECRET}{name}"] = made.base_fields[f"{SECRET}{name}"]
        fields["reason"] = forms.CharField(
            max_length=500, required=False, label="Reason", help_text="Kept in the history.", widget=TextInput()
        )
        return type("FormOfList", (cls,), fields)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that a valid form says, not checked yet."""
        return joined(ADAPTER, self.cleaned_data)

    def in_groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields below the list itself, in the order in which they are asked."""
        secrets = [name for name in self.fields if name.startswith(SECRET)]
        saving: list[str] = [name for name in ("slug", "name", "reason") if name in self.fields]
        rest = [name for name in self.fields if name.startswith(PARAMETER) and name != f"{PARAMETER}source"]
        groups: list[tuple[str, list[str]]] = [
            ("Passwords in the address", secrets),
            ("How it is read", rest),
            ("Save", saving),
        ]
        return [(title, [self[name] for name in names]) for title, names in groups if names]


def page(request: HttpRequest, admin: FeedAdmin, feed: Feed | None) -> HttpResponse:
    """The page: an empty form (GET), or what came of looking at the list, and a feed if it is to be saved."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    made = ListForm.of(feed)
    inspection = seen = None
    if request.method == "POST":
        given = _with_choices(request.POST)
        form = made(given, request.FILES)
        if form.is_valid():
            try:
                seen = _seen(request, form)
                inspection = _look(form, feed, seen)
                if "save" in request.POST and (saved := _save(request, form, feed, seen, inspection)):
                    return redirect("admin:ingest_feed_change", saved.pk)
            except IngestError as error:
                form.add_error(None, sentence(scrub.reason(error)))
    else:
        parameters = feed.parameters if feed is not None else {}
        form = made(initial=initial_of(ADAPTER, parameters))
    title = f"Look at a list of {feed.slug}" if feed is not None else "New price list"
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": title,
        "form": form,
        "source": form[f"{PARAMETER}source"],
        "feed": feed,
        "seen": seen,
        "most_bytes": f"{seen_lists.MAX_BYTES:,}",
        "back": reverse("admin:ingest_feed_change", args=[feed.pk]) if feed is not None else "",
        "media": admin.media,
        "list": _shown(inspection) if inspection is not None else None,
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, "admin/ingest/feed/list.html", context)


# --- the steps ---------------------------------------------------------------------------------------------------------


def _with_choices(posted: QueryDict) -> QueryDict:
    """The form as if what was chosen of headers, words and answers had been typed into its fields."""
    given = posted.copy()
    columns, words = PairsField(), WordsField()
    try:
        said, meanings = (
            columns.clean(given.get(f"{PARAMETER}columns", "")),
            words.clean(given.get(f"{PARAMETER}words", "")),
        )
        answer = json_text.read(str(given["answer"])) if given.get("answer") else {}
    except (forms.ValidationError, ValueError):
        # Told where the form is checked.
        return given
    for number in range(MAX_ASKED):
        header, means = _on_one_line(given.get(f"{_HEADER}{number}", "")), given.get(f"{_MEANS}{number}", "")
        if header and means:
            said[header] = "" if means == LEAVE_OUT else means
        field, word = given.get(f"{_OF}{number}", ""), _on_one_line(given.get(f"{_WORD}{number}", ""))
        meaning = given.get(f"{_SAYS}{number}", "")
        if field and word and meaning:
            meanings.setdefault(field, {})[word] = "" if meaning == LEAVE_OUT else meaning
    for name, value in answer.items() if isinstance(answer, dict) else ():
        if name == "columns" and isinstance(value, dict):
            said |= {_on_one_line(header): str(field) for header, field in value.items()}
        elif name == "words" and isinstance(value, dict):
            for field, of_field in value.items():
                meanings.setdefault(field, {}).update(
                    {_on_one_line(word): str(meaning) for word, meaning in dict(of_field).items()}
                )
        elif isinstance(value, str | bool):
            given[f"{PARAMETER}{name}"] = word_of(value)
    given[f"{PARAMETER}columns"] = columns.prepare_value(said)
    given[f"{PARAMETER}words"] = words.prepare_value(meanings)
    return given


def _on_one_line(text: object) -> str:
    """A header or a word as a line of a text box holds it."""
    return " ".join(str(text).split())


def _seen(request: HttpRequest, form: ListForm) -> SeenList | None:
    """The uploaded file: the one that was just sent, or the one of the step before."""
    by = request.user.get_username()
    file = form.cleaned_data["file"]
    if file is not None:
        # One byte more than is taken shows that it is too long.
        return seen_lists.keep(file.name or "list", file.read(seen_lists.MAX_BYTES + 1), by=by)
    number = request.POST.get("seen", "")
    if not number or "forget" in request.POST:
        return None
    seen = seen_lists.find(number, by=by)
    if seen is None:
        raise looking_at_lists.NoPriceList("the file is not kept any more: choose it again")
    return seen


def _look(form: ListForm, feed: Feed | None, seen: SeenList | None) -> Inspection:
    """Look at the file, or at the list that is named. Raises `IngestError`s."""
    parameters, slug = form.parameters, form.cleaned_data.get("slug", "")
    if seen is not None:
        with TemporaryDirectory(prefix="seen-") as folder:
            path = Path(folder) / "list"
            path.write_bytes(bytes(seen.content))
            return looking_at_lists.look_at_file(path, parameters, feed=feed, slug=slug, most_mapped=MAX_MAPPED)
    if not parameters["source"]:
        raise looking_at_lists.NoPriceList("choose a file, or name the list's address or path")
    secrets = looking_at_lists.secrets_for(feed, parameters) if feed is not None else _secrets(form)
    return looking_at_lists.look_at_source(
        parameters,
        secrets,
        feed=feed,
        slug=slug,
        most_bytes=MAX_BYTES,
        seconds=MAX_SECONDS,
        most_mapped=MAX_MAPPED,
    )


def _secrets(form: ListForm) -> dict[str, str]:
    return {
        name.removeprefix(SECRET): value
        for name, value in form.cleaned_data.items()
        if name.startswith(SECRET) and value
    }


def _save(
    request: HttpRequest, form: ListForm, feed: Feed | None, seen: SeenList | None, inspection: Inspection
) -> Feed | None:
    """Make a feed of it, or keep what was said of words and columns; None, with errors in the form, if not yet."""
    cleaned = form.cleaned_data
    if inspection.missing or inspection.question is not None:
        form.add_error(None, "Say first what is asked below: no run reads the list before.")
    if not cleaned["reason"].strip():
        form.add_error("reason", "Say why: it is kept in the history.")
    if feed is None and not cleaned["slug"]:
        form.add_error("slug", "A feed needs a short name.")
    elif feed is None and Feed.objects.filter(slug=cleaned["slug"]).exists():
        form.add_error("slug", f"There is a feed {cleaned['slug']} already.")
    if form.errors:
        return None
    actor, parameters = request.user.get_username(), form.parameters
    if feed is not None:
        return _keep(request, feed, parameters, actor=actor, reason=cleaned["reason"])
    inbox = cleaned["slug"].lower() if seen is not None and not parameters["source"] else ""
    if inbox:
        if uploads.newest(inbox) is not None:
            form.add_error("slug", f"Lists are uploaded for {inbox} already: take another short name.")
            return None
        parameters["source"] = f"upload://{inbox}"
    made = Feed(slug=cleaned["slug"], name=cleaned["name"] or cleaned["slug"], adapter=ADAPTER, parameters=parameters)
    check_parameters(ADAPTER, parameters)
    with transaction.atomic():
        if inbox and seen is not None:
            uploads.take(inbox, bytes(seen.content), by=actor, name=seen.name, reason=cleaned["reason"], is_last=True)
        # It has just been looked at, so no supplier is asked while the transaction is open.
        saved = creating.create_feed(
            made, _secrets(form), look=lambda _adapter: None, actor=actor, reason=cleaned["reason"]
        )
        if seen is not None:
            seen.delete()
    messages.success(request, f"The feed {saved.slug} is created. Start a full run when it may begin.")
    return saved


def _keep(request: HttpRequest, feed: Feed, parameters: dict[str, Any], *, actor: str, reason: str) -> Feed:
    """Keep the parameters for the feed; its runs read lists so from now on."""
    check_parameters(ADAPTER, parameters)
    with acting(actor, reason=reason), transaction.atomic():
        locked = Feed.objects.select_for_update().get(pk=feed.pk)
        locked.parameters = parameters
        # What was asked of the list before may be answered by now: the next run asks again if it is not.
        locked.prices = {name: value for name, value in locked.prices.items() if name != "question"}
        locked.full_clean()
        locked.save(update_fields=["parameters", "prices"])
    messages.success(request, f"Kept for {locked.slug}: the next run reads its list so.")
    return locked


# --- what is shown -----------------------------------------------------------------------------------------------------


def _shown(seen: Inspection) -> dict[str, Any]:
    """What the template shows of an inspection."""
    census = seen.census
    return {
        "seen": seen,
        "is_fine": seen.is_fine,
        "figures": _figures(seen),
        "columns": [column for column in seen.columns if column.field is not None or not column.filled],
        "unknown": [
            {
                "number": number,
                "column": column,
                "choices": [*(field for field in column.likely if field in SPELLINGS), *sorted(SPELLINGS)],
                "likely": " or ".join(field.replace("_", " ") for field in column.likely),
            }
            for number, column in enumerate(seen.unknown[:MAX_ASKED])
        ],
        "words": [
            {"number": number, "word": word, "choices": vocabulary.FIELDS[word.field].meanings}
            for number, word in enumerate(seen.words[:MAX_ASKED])
            if word.field in vocabulary.FIELDS
        ],
        "leave_out": LEAVE_OUT,
        "not_offered": [
            (word or "without a word", rows, word in census.unknown_words.get("availability", {}))
            for word, rows in census.not_offered.items()
        ],
        "left_out": census.left_out.items(),
        "stones": [_stone(stone) for stone in map(looking_at_lists.stone_of, seen.stones)],
        "headers": [name.replace("_intensity", "").replace("_", " ") for name in looking_at_lists.IN_TABLES],
        "answers": [
            {"words": answer.words, "value": json.dumps(answer.parameters)}
            for answer in (seen.question.answers if seen.question is not None else ())
        ],
    }


def _figures(seen: Inspection) -> list[tuple[str, str, str]]:
    census = seen.census
    if not census.rows:
        return []
    looked = f"of {seen.mapped:,} that were looked at" if seen.mapped < census.offered else "of the offered ones"
    return [
        ("rows", f"{census.rows:,}", seen.written),
        ("offered", f"{census.offered:,}", "stones on sale"),
        ("not offered", f"{sum(census.not_offered.values()):,}", "by their availability"),
        ("left out", f"{sum(census.left_out.values()):,}", "sums, repeated rows"),
        ("dead letters", f"{seen.refused:,}", looked),
    ]


def _stone(stone: dict[str, Any]) -> dict[str, Any]:
    kind = ["lab-grown"] if stone["lab_grown"] else []
    kind += ["treated"] if stone["treated"] else []
    return {
        "name": stone["offer_id"],
        "cells": [
            NOTHING if stone[column] in (None, "") else str(stone[column]).replace("_", " ")
            for column in looking_at_lists.IN_TABLES
        ],
        "kind": ", ".join(kind) or "natural",
        "cost": dollars(stone["cost_cents"]),
        "price": dollars(stone["price_cents"]),
    }
