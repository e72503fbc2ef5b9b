"""Pages that are made ready when a web process starts."""

from __future__ import annotations

import pytest
from django.template import TemplateSyntaxError, engines
from structlog.testing import capture_logs

from diamondhub.admin import warming


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


def test_a_template_that_is_wrong_is_logged_and_keeps_no_process_from_answering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise TemplateSyntaxError("Unclosed tag")

    monkeypatch.setattr(warming, "get_template", wrong)

    with capture_logs() as logged:
        warming.warm_up()

    assert [(line["event"], line["log_level"]) for line in logged] == [("pages_not_warmed", "error")]
