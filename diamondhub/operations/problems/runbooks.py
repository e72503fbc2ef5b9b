"""Run books: what a kind of problem means, how it is seen and what to do, as files `docs/runbooks/<kind>.md` and as HTML.

They are written in a small part of Markdown, which is all that `as_html` knows: headings, paragraphs, lists, fenced code,
and within a line code, bold words and links. Everything else is shown as it is written; nothing of it is trusted.
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

_HEADING = re.compile(r"(#{1,4})\s+(.*)")
_ITEM = re.compile(r"(?:[-*]|(\d+)\.)\s+(.*)")
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)")
#: Names of kinds, and so of files.
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def folder() -> Path:
    """Where the run books lie."""
    return Path(settings.BASE_DIR) / "docs" / "runbooks"


def text_of(kind: str) -> str | None:
    """The run book of a kind, as it is written; None if there is none."""
    if not _NAME.fullmatch(kind):
        return None
    try:
        return (folder() / f"{kind}.md").read_text()
    except OSError:
        return None


def as_html(text: str) -> SafeString:
    """A text in that part of Markdown as HTML."""
    blocks: list[SafeString] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")), len(lines))
            blocks.append(format_html('<pre class="dh-code">{}</pre>', "\n".join(lines[at + 1 : end])))
            at = end + 1
        elif heading := _HEADING.fullmatch(line):
            # The page's own title is the first level.
            level = min(6, len(heading[1]) + 1)
            blocks.append(format_html("<h{}>{}</h{}>", level, _inline(heading[2]), level))
            at += 1
        elif _ITEM.match(line):
            items, at = _items(lines, at)
            blocks.append(items)
        else:
            end = at
            while end < len(lines) and lines[end].strip() and not _begins_block(lines[end]):
                end += 1
            blocks.append(format_html("<p>{}</p>", _inline(" ".join(lines[at:end]))))
            at = end
    return mark_safe("\n".join(blocks))  # noqa: S308 - every block was made by `format_html`


def commands_of(text: str) -> list[str]:
    """The commands of a run book: the lines of its fences that are called `sh`, but comments."""
    commands = []
    for fence in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        commands += [line.strip() for line in fence.splitlines() if line.strip() and not line.startswith("#")]
    return commands


def _begins_block(line: str) -> bool:
    return line.startswith("```") or bool(_HEADING.fullmatch(line) or _ITEM.match(line))


def _items(lines: list[str], at: int) -> tuple[SafeString, int]:
    """A list with items of one line or several, whose further lines are indented."""
    ordered = lines[at][0].isdigit()
    items: list[str] = []
    while at < len(lines) and lines[at].strip():
        if (item := _ITEM.match(lines[at])) and bool(item[1]) == ordered:
            items.append(item[2])
        elif items and lines[at].startswith(" "):
            items[-1] += f" {lines[at].strip()}"
        else:
            break
        at += 1
    tag = "ol" if ordered else "ul"
    rows = mark_safe("".join(format_html("<li>{}</li>", _inline(item)) for item in items))  # noqa: S308
    return format_html("<{}>{}</{}>", mark_safe(tag), rows, mark_safe(tag)), at  # noqa: S308


def _inline(text: str) -> SafeString:
    parts: list[str] = []
    last = 0
    for match in _INLINE.finditer(text):
        parts.append(conditional_escape(text[last : match.start()]))
        code, bold, words, address = match.groups()
        if code is not None:
            parts.append(format_html("<code>{}</code>", code))
        elif bold is not None:
            parts.append(format_html("<strong>{}</strong>", bold))
        elif address.startswith(("/", "https://", "http://")) and not address.startswith("//"):
            parts.append(format_html('<a class="dh-link" href="{}">{}</a>', address, words))
        elif kind := re.fullmatch(rf"({_NAME.pattern})\.md", address):
            parts.append(format_html('<a class="dh-link" href="../{}/">{}</a>', kind[1], words))
        else:
            parts.append(conditional_escape(words))
        last = match.end()
    parts.append(conditional_escape(text[last:]))
    return mark_safe("".join(parts))  # noqa: S308 - every part is escaped
