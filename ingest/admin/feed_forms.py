"""The forms of feeds: parameters by the adapter's declaration, schedules in words, and JSON for what no field stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import validate_slug
from django.forms import ModelForm
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from diamondhub.admin.forms import Choices, Textarea, TextInput
from ingest import crontab_words, feed_secrets
from ingest.errors import IngestError
from ingest.feeds import declared
from ingest.feeds.declared import Parameter, ParameterKind
from ingest.feeds.registry import ADAPTERS, check_parameters, secret_names
from ingest.models import Feed

if TYPE_CHECKING:
    FeedModelForm = ModelForm[Feed]
else:
    FeedModelForm = ModelForm

#: What the fields of parameters and secrets are called: this and the name.
PARAMETER, SECRET = "parameter_", "secret_"
#: Longest text of a parameter (characters).
MAX_TEXT = 2_000
#: The value of a choice that leaves it to the adapter.
UNSAID = ""


class PairsField(forms.CharField):
    """Names with their meanings, one a line: `Our ref = stock_number`, as a mapping."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=Textarea(attrs={"rows": 4}), **options)

    def clean(self, value: Any) -> Any:
        """The mapping; a name that stands twice, or nowhere, is refused."""
        pairs: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            if not line.strip():
                continue
            name, sign, meaning = (part.strip() for part in line.rpartition("="))
            if not sign or not name:
                raise forms.ValidationError(f"{line.strip()[:80]!r} is no pair: write it like Our ref = stock_number.")
            if name in pairs:
                raise forms.ValidationError(f"{name[:80]!r} stands there twice.")
            pairs[name] = meaning
        return pairs

    def prepare_value(self, value: Any) -> Any:
        """The mapping as lines; what a person typed stays as it was typed."""
        return "\n".join(f"{name} = {meaning}" for name, meaning in value.items()) if isinstance(value, dict) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another mapping was typed."""
        try:
            return bool(self.clean(data) != (initial or {}))
        except forms.ValidationError:
            return True


class WordsField(forms.CharField):
    """What words mean, one a line: `shape: BRL = ROUND`, as field → word → meaning."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=Textarea(attrs={"rows": 3}), **options)

    def clean(self, value: Any) -> Any:
        """The mapping; what is no such line is refused."""
        words: dict[str, dict[str, str]] = {}
        for line in super().clean(value).splitlines():
            if not line.strip():
                continue
            field, colon, said = line.partition(":")
            word, sign, meaning = (part.strip() for part in said.rpartition("="))
            if not colon or not sign or not word:
                raise forms.ValidationError(f"{line.strip()[:80]!r} is no such line: write it like shape: BRL = ROUND.")
            words.setdefault(field.strip(), {})[word] = meaning
        return words

    def prepare_value(self, value: Any) -> Any:
        """The mapping as lines; what a person typed stays as it was typed."""
        if not isinstance(value, dict):
            return value
        return "\n".join(
            f"{field}: {word} = {meaning}" for field, said in value.items() for word, meaning in said.items()
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another mapping was typed."""
        try:
            return bool(self.clean(data) != (initial or {}))
        except forms.ValidationError:
            return True


class Schedule(TextInput):  # type: ignore[misc,valid-type]  # the theme's, which the checker knows as a variable
    """A crontab string with its meaning beside it, told anew while one types, and presets to begin with."""

    class Media:
        js = ("diamondhub/schedule.js",)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The box, what it means, and the presets."""
        place = f"{(attrs or {}).get('id', name)}_means"
        polls = {
            "hx-get": reverse("admin:ingest_feed_schedule_live"),
            "hx-trigger": "input changed delay:300ms",
            "hx-target": f"#{place}",
            "aria-describedby": place,
            "autocomplete": "off",
            "spellcheck": "false",
        }
        box = super().render(name, value, {**(attrs or {}), **polls}, renderer)
        presets = [(text, crontab_words.in_words(text)) for text in crontab_words.PRESETS]
        context = {"box": box, "place": place, "presets": presets, **meaning_of(value or "")}
        return render_to_string("admin/ingest/feed/schedule.html", {**context, "id": (attrs or {}).get("id", "")})


def meaning_of(text: str) -> dict[str, Any]:
    """A schedule in words with its next times, or what is wrong with it: the context of `schedule_meaning.html`."""
    if not text.strip():
        return {"means": "Never by itself.", "next": [], "wrong": ""}
    try:
        coming = [crontab_words.spoken(at) for at in crontab_words.next_times(text, timezone.now())]
        return {"means": crontab_words.in_words(text), "next": coming, "wrong": ""}
    except ValueError as error:
        return {"means": "", "next": [], "wrong": str(error)}


def field_of(parameter: Parameter) -> forms.Field:
    """The form's field of a parameter."""
    labels: dict[str, Any] = {"label": parameter.title, "help_text": parameter.help}
    if parameter.kind is ParameterKind.FLAG:
        return forms.BooleanField(required=False, **labels)
    if parameter.kind is ParameterKind.PAIRS:
        return PairsField(**labels)
    if parameter.kind is ParameterKind.WORDS:
        return WordsField(**labels)
    if parameter.kind is ParameterKind.TEXT:
        return forms.CharField(required=parameter.required, max_length=MAX_TEXT, widget=TextInput(), **labels)
    unsaid = [] if parameter.required or parameter.default is not None else [(UNSAID, "found out from the list")]
    if parameter.required:
        unsaid = [(UNSAID, "choose…")]
    choices = [*unsaid, *((word_of(value), words) for value, words in parameter.choices)]
    return forms.ChoiceField(
        choices=choices, required=parameter.required, widget=Choices(attrs={"class": "dh-input"}), **labels
    )


def fields_of(adapter: str) -> dict[str, forms.Field]:
    """The fields of an adapter's parameters, by the names that they have in forms; none for an unknown one."""
    return {f"{PARAMETER}{parameter.name}": field_of(parameter) for parameter in _parameters_of(adapter)}


def initial_of(adapter: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show of a feed's parameters; `parameters` is what no field stands for."""
    known = {parameter.name: parameter for parameter in _parameters_of(adapter)}
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        value = parameters.get(name, parameter.default)
        values[f"{PARAMETER}{name}"] = word_of(value) if parameter.kind is ParameterKind.CHOICE else value
    return {**values, "parameters": {name: value for name, value in parameters.items() if name not in known}}


def joined(adapter: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """A feed's parameters from its form: the fields, without what is the adapter's own default, and the JSON."""
    values = dict(cleaned.get("parameters") or {})
    for parameter in _parameters_of(adapter):
        value = cleaned.get(f"{PARAMETER}{parameter.name}")
        if parameter.kind is ParameterKind.CHOICE:
            value = {word_of(choice): choice for choice, _words in parameter.choices}.get(str(value or UNSAID))
        if parameter.required or (value is not None and value != parameter.default):
            values[parameter.name] = value
    return values


def admit(form: forms.BaseForm, adapter: str) -> dict[str, Any]:
    """The parameters of a valid form, with what the adapter says of them as errors at their fields."""
    cleaned: dict[str, Any] = form.cleaned_data
    rest = cleaned.get("parameters") or {}
    for parameter in _parameters_of(adapter):
        if parameter.name in rest:
            _add_error(form, "parameters", f"“{parameter.name}” has a field of its own: “{parameter.title}”.")
            return {}
    parameters = joined(adapter, cleaned)
    if adapter not in ADAPTERS:
        # Of another release: nobody here can say what is wrong with them.
        return parameters
    try:
        check_parameters(adapter, parameters)
    except IngestError as error:
        words = str(error)
        blamed = re.search(r"\$\.(\w+)|`(\w+)`", words)
        field = f"{PARAMETER}{blamed[1] or blamed[2]}" if blamed else ""
        _add_error(form, field if field in form.fields else "parameters", f"{words[:1].upper()}{words[1:]}.")
    return parameters


def _add_error(form: Any, field: str, words: str) -> None:
    form.add_error(field if field in form.fields else None, words)


def _parameters_of(adapter: str) -> list[Parameter]:
    return declared.parameters_of(adapter) if adapter in ADAPTERS else []


def word_of(value: Any) -> str:
    """A choice's value as forms send it."""
    return UNSAID if value is None else {True: "true", False: "false"}.get(value, str(value))


class FeedForm(FeedModelForm):
    """A feed's settings; `of` makes the form of an adapter."""

    class Meta:
        model = Feed
        fields = "__all__"
        widgets = {"full_schedule": Schedule, "incremental_schedule": Schedule}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {**self.initial, **initial_of(self.instance.adapter, self.instance.parameters or {})}

    @classmethod
    def of(cls, adapter: str) -> type[FeedForm]:
        """The form with the fields of this adapter's parameters."""
        return type(f"FeedFormOf{adapter.title()}", (cls,), fields_of(adapter))

    def clean_parameters(self) -> dict[str, Any]:
        """Further parameters are a JSON object, since adapters read them by name."""
        return as_object(self.cleaned_data["parameters"])

    def clean(self) -> dict[str, Any]:
        """Fields and JSON joined as the feed's parameters."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "parameters" in cleaned and not any(name.startswith(PARAMETER) for name in self.errors):
            parameters = admit(self, self.instance.adapter)
            if "parameters" not in self.errors:
                cleaned["parameters"] = parameters
        return cleaned

    @property
    def changed_columns(self) -> list[str]:
        """The feed's columns that were changed."""
        changed = {"parameters" if name.startswith(PARAMETER) else name for name in self.changed_data}
        return sorted(changed & {field.name for field in Feed._meta.concrete_fields})


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object. Raises `ValidationError` for other JSON."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise forms.ValidationError('Parameters are a JSON object, e.g. {"labgrown": true}.')
    return value


class NewFeedForm(forms.Form):
    """A feed that is to be, of one adapter; `of` makes the form."""

    adapter = ""

    slug = forms.CharField(
        max_length=50,
        validators=[validate_slug],
        label="Short name",
        help_text="Letters, numbers, hyphens. It is part of its diamonds' ids and never changes.",
        widget=TextInput(attrs={"placeholder": "rosy"}),
    )
    name = forms.CharField(
        max_length=100, required=False, label="Name", help_text="For people; empty: the short name.", widget=TextInput()
    )

    @classmethod
    def of(cls, adapter: str) -> type[NewFeedForm]:
        """The form with the fields of this adapter's parameters and secrets."""
        secrets = {
            f"{SECRET}{name}": forms.CharField(
                required=False,
                max_length=feed_secrets.MAX_LENGTH,
                strip=False,
                label=name.capitalize(),
                help_text="Sealed, and never shown.",
                widget=forms.PasswordInput(attrs={"class": "dh-input", "autocomplete": "new-password"}),
            )
            for name in secret_names(adapter)
        }
        reason = forms.CharField(max_length=500, label="Reason", help_text="Kept in the history.", widget=TextInput())
        return type(
            f"NewFeedFormOf{adapter.title()}",
            (cls,),
            {**fields_of(adapter), **secrets, "reason": reason, "adapter": adapter},
        )

    def clean_slug(self) -> str:
        """A short name that no feed has."""
        slug = str(self.cleaned_data["slug"])
        if Feed.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a feed {slug} already.")
        return slug

    def clean(self) -> dict[str, Any]:
        """The parameters, checked by the adapter."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not any(name.startswith(PARAMETER) for name in self.errors):
            cleaned["parameters"] = admit(self, self.adapter)
        return cleaned

    @property
    def feed(self) -> Feed:
        """The feed that a valid form describes, not saved."""
        cleaned = self.cleaned_data
        return Feed(
            slug=cleaned["slug"],
            name=cleaned["name"] or cleaned["slug"],
            adapter=self.adapter,
            parameters=cleaned["parameters"],
        )

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that were typed, by name."""
        return {
            name.removeprefix(SECRET): value
            for name, value in self.cleaned_data.items()
            if name.startswith(SECRET) and value
        }
