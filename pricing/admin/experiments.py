"""Experiments in the admin: prepared in a form, then started and ended by buttons; the page of one shows its results."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.acting import RequiredReason
from diamondhub.admin.base import Admin, bounded
from diamondhub.admin.display import NOTHING, Group, Table, badge, moment, row_link
from pricing import experiments
from pricing.admin.acting import PUBLISH, act, admit, answer_or_refuse
from pricing.admin.experiment_results import planning, tables_of
from pricing.admin.simulation import shown
from pricing.admin.stale import answer_or_show_again, refusal_of, refuse
from pricing.admin.timing import STATEMENT_SECONDS, TakesTooLong, in_time
from pricing.errors import ExperimentNotPrepared, InvalidRules, StaleDraft
from pricing.models import Experiment, RuleSet
from pricing.simulate import simulate_share
from pricing.validation import clean_experiment, messages_of

if TYPE_CHECKING:
    ExperimentModelForm = ModelForm[Experiment]
else:
    ExperimentModelForm = ModelForm


class ExperimentForm(ExperimentModelForm):
    """An experiment that is prepared. With a `refusal` it is only shown again."""

    refusal = ""

    class Meta:
        model = Experiment
        fields = ("slug", "rule_set", "share", "notes")
        help_texts = {
            "slug": "Letters, digits, hyphens and underscores; the stones of the share carry it as their arm.",
            "rule_set": "The set that prices the share. A draft is sealed when the experiment starts.",
            "share": "Which stones belong to it is decided by a hash, once and for all.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["rule_set"]
        assert isinstance(field, forms.ModelChoiceField)
        # What is in force prices all other stones: it is nothing to compare with.
        field.queryset = RuleSet.objects.exclude(state=RuleSet.State.PUBLISHED).defer("compiled")

    def clean(self) -> dict[str, Any]:
        """Have the experiment admitted."""
        values = {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}
        admit(self, Experiment(pk=self.instance.pk, **values), clean_experiment)
        refuse(self, self.refusal)
        return self.cleaned_data


@admin.register(Experiment)
class ExperimentAdmin(Admin[Experiment]):
    """Experiments, newest first; whoever may publish may run them."""

    form = ExperimentForm
    list_display = ("slug", "badge", "of_set", "said_share", "started", "ended", "started_by")
    list_filter = ("state",)
    actions = None
    detail_template = "admin/pricing/experiment/detail.html"
    delete_confirmation_template = "admin/pricing/delete.html"
    change_form_template = "admin/pricing/experiment/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        """With the set, but not with what is pinned on it, which may be large."""
        return super().get_queryset(request).select_related("rule_set").defer("rule_set__compiled")

    @admin.display(description="state")
    def badge(self, experiment: Experiment) -> SafeString:
        """The state as a badge."""
        return _state(experiment)

    @admin.display(description="rule set")
    def of_set(self, experiment: Experiment) -> str | SafeString:
        """The set that prices the share, as a link."""
        return row_link(experiment.rule_set, f"version {experiment.rule_set.version}")

    @admin.display(description="share")
    def said_share(self, experiment: Experiment) -> str:
        """In percent of the stones."""
        return f"{experiment.share.normalize():f} %"

    @admin.display(description="started")
    def started(self, experiment: Experiment) -> str | SafeString:
        """The moment of its start."""
        return moment(experiment.started_at)

    @admin.display(description="ended")
    def ended(self, experiment: Experiment) -> str | SafeString:
        """The moment of its end."""
        return moment(experiment.ended_at)

    # --- who may what ----------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        """Publishers may."""
        return request.user.has_perm(PUBLISH)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Publishers may, as long as it has not started."""
        return request.user.has_perm(PUBLISH) and (obj is None or _is_prepared(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """The same as for changing: an experiment that ran is part of the prices' history."""
        return self.has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Experiment | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which is told if it is only shown again."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("ExperimentFormShown", (form,), {"refusal": refusal_of(request)})

    # --- the page of an experiment ---------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a prepared one, for whom may start it; else the page that shows it."""
        row = self.get_object(request, unquote(object_id))
        if row is not None and not self.has_change_permission(request, row):
            if request.method == "POST" and request.user.has_perm(PUBLISH):
                self.message_user(request, f"Experiment {row.slug} is {row.state}: it cannot be changed.", "error")
                return redirect(_page(row.pk))
            if request.method == "POST":
                raise PermissionDenied
            return self.detail_view(request, object_id)

        def answer() -> HttpResponse:
            shown = self.get_object(request, unquote(object_id))
            if shown is not None and request.method == "POST" and not refusal_of(request):
                _unchanged(request, shown)
            context = {"experiment": shown, "seen": _seen(shown) if shown else "", **(extra_context or {})}
            return super(ExperimentAdmin, self).change_view(request, object_id, form_url, context)

        return answer_or_refuse(
            request,
            lambda: answer_or_show_again(request, answer),
            back=_page(row.pk) if row else reverse("admin:pricing_experiment_changelist"),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new one."""
        return answer_or_refuse(
            request,
            lambda: super(ExperimentAdmin, self).add_view(request, form_url, extra_context),
            back=reverse("admin:pricing_experiment_add"),
        )

    def save_model(self, request: HttpRequest, obj: Experiment, form: ModelForm[Experiment], change: bool) -> None:
        """A new one gets its salt; of an old one only what the person changed is written, while it is prepared."""
        if not change:
            try:
                obj.pk = experiments.new(obj.slug, obj.rule_set, obj.share, notes=obj.notes).pk
            except ValidationError as error:
                # Somebody was faster with the same name.
                raise InvalidRules(messages_of(error)) from error
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            with transaction.atomic():
                prepared = Experiment.objects.filter(pk=obj.pk, state=Experiment.State.PREPARED)
                locked = prepared.select_for_update(of=("self",)).select_related("rule_set").first()
                if locked is None:
                    raise ExperimentNotPrepared("somebody has started the experiment meanwhile: nothing was changed")
                _unchanged(request, locked)
                if changes:
                    prepared.update(**changes)
        except IntegrityError as error:
            raise InvalidRules([("name", "there is an experiment of this name already")]) from error

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then throw away what never started."""
        row = self.get_object(request, unquote(object_id))
        back = _page(row.pk) if row else reverse("admin:pricing_experiment_changelist")
        context = {"back": back, **(extra_context or {})}
        return answer_or_refuse(
            request, lambda: super(ExperimentAdmin, self).delete_view(request, object_id, context), back=back
        )

    def delete_model(self, request: HttpRequest, obj: Experiment) -> None:
        """Throw it away, unless somebody has started it meanwhile."""
        experiments.discard(obj.pk)

    def response_post_save_add(self, request: HttpRequest, obj: Experiment) -> HttpResponseRedirect:
        """On to its page, where the button is that starts it."""
        return redirect(_page(obj.pk))

    def groups(self, request: HttpRequest, row: Experiment) -> list[Group]:
        """The comparison, and the experiment's life."""
        return [
            Group(
                "Comparison",
                [
                    ("rule set", self.of_set(row)),
                    ("share of the stones", self.said_share(row)),
                    ("notes", row.notes or NOTHING),
                ],
            ),
            Group(
                "Course",
                [
                    ("started", moment(row.started_at)),
                    ("started by", row.started_by or NOTHING),
                    ("reason for the start", row.started_reason or NOTHING),
                    ("ended", moment(row.ended_at)),
                    ("ended by", row.ended_by or NOTHING),
                    ("reason for the end", row.ended_reason or NOTHING),
                ],
            ),
        ]

    def tables(self, request: HttpRequest, row: Experiment) -> list[Table]:
        """The results: what was measured, what that says, what was expected, and how the catalogue stands."""
        if row.state == Experiment.State.PREPARED:
            return [Table("Results", (), [], "It was never started.")]
        try:
            with in_time(), bounded(STATEMENT_SECONDS):
                return tables_of(experiments.results(row))
        except TakesTooLong as error:
            return [Table("Results", (), [], str(error))]

    def detail_context(self, request: HttpRequest, row: Experiment) -> dict[str, Any]:
        """Whether this person may end it."""
        may = request.user.has_perm(PUBLISH)
        return {
            "experiment": row,
            "state": _state(row),
            "may_end": may and row.state == Experiment.State.RUNNING,
            "title": f"Experiment {row.slug}",
        }

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("<int:experiment_id>/simulate/", view(self.simulate), name="pricing_experiment_simulate"),
            path("<int:experiment_id>/start/", view(self.start), name="pricing_experiment_start"),
            path("<int:experiment_id>/end/", view(self.end), name="pricing_experiment_end"),
            *super().get_urls(),
        ]

    def simulate(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        """What the start would do to the share's prices, above the form that starts it. 405 for anything but GET."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self.get_object(request, str(experiment_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404("there is no such experiment")
        if not _is_prepared(row):
            self.message_user(request, f"Experiment {row.slug} is {row.state}: its results are here.", "info")
            return redirect(_page(row.pk))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "experiment": row,
            "seen": _seen(row),
            "title": f"Simulation of experiment {row.slug}",
            "may_start": request.user.has_perm(PUBLISH),
        }
        try:
            with in_time(), bounded(STATEMENT_SECONDS):
                result = simulate_share(row)
        except TakesTooLong as error:
            context["too_slow"] = str(error)
        else:
            context |= {**shown(result), "planning": planning(row, result.total.stones)}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/pricing/experiment/simulate.html", context)

    def start(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        """Let the share be priced by the experiment's set, for a reason."""

        def do(reason: str) -> tuple[str, str]:
            with in_time(), bounded(STATEMENT_SECONDS):
                experiment = self.get_queryset(request).filter(pk=experiment_id).first()
                if experiment is not None and _is_prepared(experiment):
                    _unchanged(request, experiment)
                repricing = experiments.start(
                    experiment_id,
                    actor=request.user.get_username(),
                    reason=reason,
                    below_cost_confirmed="below_cost" in request.POST,
                )
            words = f"The experiment runs. Repricing {repricing.pk} changes the prices of its share."
            return words, _page(experiment_id)

        back = reverse("admin:pricing_experiment_simulate", args=[experiment_id])
        return act(request, PUBLISH, do, back=back, form=RequiredReason)

    def end(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        """End it for a reason: the share is priced as all other stones again."""

        def do(reason: str) -> tuple[str, str]:
            with in_time(), bounded(STATEMENT_SECONDS):
                repricing = experiments.end(experiment_id, actor=request.user.get_username(), reason=reason)
            words = f"The experiment is over. Repricing {repricing.pk} takes its share back to the rules in force."
            return words, _page(experiment_id)

        return act(request, PUBLISH, do, back=_page(experiment_id), form=RequiredReason)


def _seen(experiment: Experiment) -> str:
    """The mark of an experiment as a person sees it: its fields, and the state of the draft that it may use."""
    fields = (experiment.slug, experiment.rule_set_id, experiment.share.normalize(), experiment.notes)
    return f"{sha256(repr(fields).encode()).hexdigest()[:16]}-{experiment.rule_set.revision}"


def _unchanged(request: HttpRequest, experiment: Experiment) -> None:
    """Raise `StaleDraft` if somebody has changed the experiment, or its draft, since the form was made that was posted."""
    if request.POST.get("seen", "") != _seen(experiment):
        raise StaleDraft(
            f"somebody else has changed experiment {experiment.slug} or its rule set meanwhile: nothing was saved or started"
        )


def _page(experiment_id: int) -> str:
    return reverse("admin:pricing_experiment_change", args=[experiment_id])


def _is_prepared(experiment: Experiment) -> bool:
    return experiment.state == Experiment.State.PREPARED


def _state(experiment: Experiment) -> SafeString:
    tone = "working" if experiment.state == Experiment.State.RUNNING else experiment.state
    return badge(tone, experiment.state)
