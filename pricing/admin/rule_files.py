"""Files of rules in the admin: a set is exported as YAML, and a file makes a draft, or says all that is wrong with it."""

from __future__ import annotations

from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub.admin.display import counted
from diamondhub.audit.acting import acting
from pricing import editing
from pricing.errors import InvalidRules
from pricing.in_force import with_rules
from pricing.models import RuleSet
from pricing.rule_files import MAX_BYTES, read, to_yaml

log = structlog.get_logger(__name__)

#: Longest file that a form takes (bytes), a little less than the longest form; the command takes files of `MAX_BYTES`.
MAX_UPLOAD = 950_000
#: Who may make a draft of a file: it brings rules along.
IMPORT = ("pricing.add_ruleset", "pricing.add_rule")


class RuleFileForm(forms.Form):
    """A file of rules, and why it is brought in; with `only_check` it is read, and nothing is saved."""

    file = forms.FileField(error_messages={"required": "Choose a file.", "empty": "The file is empty."})
    reason = forms.CharField(
        max_length=500, error_messages={"required": "Say why: the reason is kept for those who ask later."}
    )

    def clean_file(self) -> UploadedFile[Any]:
        """A file that is not too long to be read."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_UPLOAD:
            raise ValidationError(
                f"The file has {file.size:,} bytes, and at most {MAX_UPLOAD:,} are taken here; the command "
                f"`import_rules` takes {MAX_BYTES:,}."
            )
        return file


def export_file(request: HttpRequest, rule_set_id: int) -> HttpResponse:
    """The set as a file. 405 for anything but GET, 404 if there is none."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    rule_set = with_rules(RuleSet.objects.filter(pk=rule_set_id).defer("compiled")).first()
    if rule_set is None:
        raise Http404("there is no such rule set")
    log.info("rules_exported", user=request.user.get_username(), rule_set=rule_set.version)
    response = HttpResponse(to_yaml(rule_set), content_type="application/yaml; charset=utf-8")
    revision = f"-r{rule_set.revision}" if rule_set.is_draft else ""
    response["Content-Disposition"] = f'attachment; filename="rules-{rule_set.version}{revision}.yaml"'
    return response


def import_page(request: HttpRequest, site_context: dict[str, Any]) -> HttpResponse:
    """The form (GET), or what is read of the posted file: a draft, what is wrong with it, or that nothing is."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    form = RuleFileForm(request.POST, request.FILES) if request.method == "POST" else RuleFileForm()
    if "only_check" in request.POST:
        form.fields["reason"].required = False
    context: dict[str, Any] = {
        **site_context,
        "opts": RuleSet._meta,
        "title": "Import rules from a file",
        "form": form,
        "reason": request.POST.get("reason", "")[:500],
        "most_bytes": f"{MAX_UPLOAD:,}",
        "back": reverse("admin:pricing_ruleset_changelist"),
    }
    if request.method == "POST" and form.is_valid():
        try:
            draft, words = _taken(request, form.cleaned_data)
        except InvalidRules as error:
            context |= {"mistakes": error.errors, "are_cut": len(error.errors) >= InvalidRules.MAX_TOLD}
        else:
            if draft is not None:
                messages.success(request, words)
                return redirect("admin:pricing_ruleset_change", draft.pk)
            context["checked"] = words
    return TemplateResponse(request, "admin/pricing/ruleset/import.html", context)


def _taken(request: HttpRequest, given: dict[str, Any]) -> tuple[RuleSet | None, str]:
    """The draft that is made of the file, None if it was only to be looked at; and words for either."""
    rule_set, rules = read(given["file"].read())
    if "only_check" in request.POST:
        return None, f"Nothing is wrong with the file: it would make a draft with {counted(len(rules), 'rule')}."
    with acting(reason=given["reason"]):
        draft = editing.new_rule_set(rule_set, rules, actor=request.user.get_username())
    log.info("rules_imported", user=request.user.get_username(), rule_set=draft.version, rules=len(rules))
    words = f"Draft {draft.version} is made of {given['file'].name}, with {counted(len(rules), 'rule')}."
    return draft, f"{words} Publish it when it is right."
