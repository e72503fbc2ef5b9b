"""Pages that are made ready when a web process starts."""

from __future__ import annotations

from threading import Event

import pytest
from django.db import OperationalError
from django.template import TemplateSyntaxError, engines
from structlog.testing import capture_logs

from diamondhub.admin import warming
from diamondhub.tests.patience import HANG_SECONDS


def test_what_pages_extend_and_include_is_compiled_and_so_is_what_jinja_renders() -> None:
    (django,) = (loader for loader in engines["django"].engine.template_loaders)  # type: ignore[attr-defined]
    django.reset()
    engines["jinja"].env.cache.clear()  # type: ignore[attr-defined]

    warming.compile_pages()

    compiled = set(django.get_template_cache)
    assert {
        "admin/catalog/diamond/explorer.html",
        "admin/base_site.html",
        "admin/base.html",
        "unfold/layouts/skeleton.html",
    } <= compiled
    assert "explorer/part.html" in {name for _, name in engines["jinja"].env.cache}  # type: ignore[attr-defined]


def test_pages_that_are_registered_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    monkeypatch.setattr(warming, "_pages", [])
    warming.register(lambda: rendered.append("page"))

    warming.warm_up()

    assert rendered == ["page"]


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ZeroDivisionError(), [("pages_not_warmed", "error")]),
        (OperationalError("connection refused"), [("pages_not_warmed", "debug")]),
    ],
)
def test_a_page_that_is_not_rendered_keeps_no_process_from_answering(
    monkeypatch: pytest.MonkeyPatch, error: Exception, logged: list[tuple[str, str]]
) -> None:
    def fails() -> None:
        raise error

    rendered: list[str] = []
    monkeypatch.setattr(warming, "_pages", [fails, lambda: rendered.append("the next one")])

    with capture_logs() as told:
        warming.warm_up()

    assert [(line["event"], line["log_level"]) for line in told] == logged
    assert rendered == ["the next one"]


def test_a_page_that_waits_holds_no_process_up(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, has_ended = Event(), Event()

    def waits() -> None:
        may_end.wait()
        has_ended.set()

    monkeypatch.setattr(warming, "_pages", [waits])
    monkeypatch.setattr(warming, "RENDERING_SECONDS", 0.01)

    warming.warm_up()

    assert not has_ended.is_set()
    may_end.set()
    assert has_ended.wait(HANG_SECONDS)


def test_a_template_that_is_wrong_is_logged_and_keeps_no_process_from_answering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise TemplateSyntaxError("Unclosed tag")

    monkeypatch.setattr(warming, "get_template", wrong)

    with capture_logs() as logged:
        warming.warm_up()

    assert [(line["event"], line["log_level"]) for line in logged] == [("pages_not_warmed", "error")]
