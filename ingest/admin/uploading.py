"""The page "Upload a list" of a feed whose source is `upload://…`: a file that came by mail, with the reason kept.

`upload.js` sends a long file in pieces to the same address; without it one piece is all that is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub.admin.forms import TextInput
from diamondhub.api.problems import sentence
from ingest import runs, uploads
from ingest.admin.acting import START
from ingest.errors import IngestError
from ingest.feeds.pricelist.inboxes import inbox_of
from ingest.models import Feed, Run, UploadedList

if TYPE_CHECKING:
    from ingest.admin.feeds import FeedAdmin

#: Uploads that the page shows.
_SHOWN = 10


class UploadForm(forms.Form):
    """One piece of a file, or all of it."""

    file = forms.FileField(label="File", error_messages={"required": "Choose a file.", "empty": "The file is empty."})
    reason = forms.CharField(
        max_length=300,
        label="Reason",
        error_messages={"required": "Say where the list comes from: it is kept with it."},
        widget=TextInput(attrs={"placeholder": "Mail of Rosy of Monday"}),
    )
    start = forms.BooleanField(required=False, initial=True, label="Start a full run with it")
    #: What it is called, where the file is a piece that has no name of its own.
    name = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput)
    upload = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)
    is_more = forms.BooleanField(required=False, widget=forms.HiddenInput)


def inbox_of_feed(feed: Feed) -> str:
    """The inbox that a feed reads uploaded lists from; empty if it reads others."""
    return inbox_of(str(feed.parameters.get("source", ""))) if feed.adapter == "pricelist" else ""


def page(request: HttpRequest, admin: FeedAdmin, feed_id: int) -> HttpResponse:
    """The form (GET), or a piece that was sent: JSON for the script, the feed or the run for a browser without it."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if not admin.has_change_permission(request):
        raise PermissionDenied
    feed = Feed.objects.filter(pk=feed_id).first()
    if feed is None or not (inbox := inbox_of_feed(feed)):
        raise Http404("there is no such feed of uploaded lists")
    by_script = request.headers.get("X-Requested-With") == "upload"
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            taken = _take(form, inbox, by=request.user.get_username())
            if form.cleaned_data["is_more"]:
                return JsonResponse({"upload": taken.pk})
            onward = _done(request, feed, taken, start=form.cleaned_data["start"])
        except IngestError as error:
            form.add_error(None, sentence(str(error)))
        else:
            return JsonResponse({"onward": onward}) if by_script else redirect(onward)
    if by_script and request.method == "POST":
        faults = " ".join(str(fault) for faults in form.errors.values() for fault in faults)
        return JsonResponse({"fault": faults}, status=400)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": f"Upload a list for {feed.slug}",
        "form": form,
        "feed": feed,
        "may_start": request.user.has_perm(START),
        "most_bytes": uploads.most_bytes(),
        "piece": uploads.MAX_PIECE,
        "uploads": UploadedList.objects.filter(inbox=inbox, completed_at__isnull=False).order_by("-completed_at")[
            :_SHOWN
        ],
        "back": reverse("admin:ingest_feed_change", args=[feed.pk]),
        "media": admin.media,
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, "admin/ingest/feed/upload.html", context)


def _take(form: UploadForm, inbox: str, *, by: str) -> UploadedList:
    given = form.cleaned_data
    file = given["file"]
    if file.size > uploads.MAX_PIECE:
        raise uploads.NotTaken(
            f"without scripts a file may have {uploads.MAX_PIECE:,} bytes: pack it with gzip, or allow scripts"
        )
    return uploads.take(
        inbox,
        file.read(),
        by=by,
        name=given["name"] or file.name,
        reason=given["reason"],
        upload=given["upload"],
        is_last=not given["is_more"],
    )


def _done(request: HttpRequest, feed: Feed, taken: UploadedList, *, start: bool) -> str:
    """Say that the list is there, and start a run if that is wanted and possible; returns where to go."""
    messages.success(request, f"{taken.name} is there: the next run of {feed.slug} reads it.")
    here = reverse("admin:ingest_feed_change", args=[feed.pk])
    if not start or not request.user.has_perm(START):
        return here
    reason = f"{taken.name} uploaded: {taken.reason}"[:500]
    try:
        run = runs.start_run(feed.slug, kind=Run.Kind.FULL, started_by=request.user.get_username(), reason=reason)
    except IngestError as error:
        messages.error(request, sentence(str(error)))
        return here
    return reverse("admin:ingest_run_change", args=[run.pk])
