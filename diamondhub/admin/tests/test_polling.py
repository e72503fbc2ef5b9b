"""Parts of pages that poll: none of them asks the browser to evaluate a text, and every regular one rests while hidden."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

_TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
_TRIGGER = re.compile(r'<[^>]*?hx-trigger="([^"]*)"[^>]*>')


def triggers() -> list[tuple[str, str, str]]:
    """The templates' triggers: (file, trigger, the whole tag)."""
    return [
        (path.name, match.group(1), match.group(0))
        for path in _TEMPLATES
        for match in _TRIGGER.finditer(re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text()))
    ]


def test_no_trigger_has_a_filter_which_the_browser_would_evaluate() -> None:
    assert triggers()
    assert [(name, trigger) for name, trigger, _ in triggers() if "[" in trigger] == []


def test_every_part_that_asks_at_intervals_rests_while_its_page_is_hidden() -> None:
    regular = [(name, tag) for name, trigger, tag in triggers() if "every " in trigger]

    assert {"live.html", "now.html"} <= {name for name, _ in regular}
    assert [name for name, tag in regular if "data-rests" not in tag] == []
