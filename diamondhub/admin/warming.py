"""What the first page of a web process would wait for, made when the process starts: a third of a second.

Templates are compiled, and the pages that apps register are rendered once for nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.template import Template, engines
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode, IncludeNode
from django.urls import reverse

log = structlog.get_logger(__name__)


#: How long a process waits for pages that are rendered before it answers; they go on beside it (seconds).
RENDERING_SECONDS = 2.0

_pages: list[Callable[[], None]] = []


def register(page: Callable[[], None]) -> None:
    """Register `page`, which renders a page and throws it away."""
    if page not in _pages:
        _pages.append(page)


def warm_up() -> None:
    """`compile_pages` and render the registered ones; what fails is logged, and keeps no process from answering."""
    try:
        compile_pages()
        rendering = Thread(target=_render_pages, name="warming", daemon=True)
        rendering.start()
        rendering.join(RENDERING_SECONDS)
    except Exception:
        log.exception("pages_not_warmed")


def _render_pages() -> None:
    try:
        for page in _pages:
            try:
                page()
            except (InterfaceError, OperationalError):
                # Who asks for a page is told that the database is away.
                log.debug("pages_not_warmed", exc_info=True)
            except Exception:
                log.exception("pages_not_warmed")
    finally:
        connection.close()


def compile_pages() -> None:
    """Read the addresses, and compile the templates of our pages with what they extend and include.

    Raises `TemplateDoesNotExist` and `TemplateSyntaxError`, and Jinja's errors.
    """
    reverse("admin:index")
    jinja = engines["jinja"].env  # type: ignore[attr-defined]
    for name in jinja.list_templates():
        jinja.get_template(name)
    (folder, *_) = engines["django"].engine.dirs  # type: ignore[attr-defined]
    todo = {str(path.relative_to(folder)) for path in Path(folder).rglob("*.html") if "jinja" not in path.parts}
    done = set()
    while todo:
        name = todo.pop()
        done.add(name)
        todo |= set(_led_to(get_template(name, using="django").template)) - done  # type: ignore[attr-defined]


def _led_to(template: Template) -> list[str]:
    """The templates that one names; those whose names are known only when it is rendered are left out."""
    nodes = template.nodelist.get_nodes_by_type((ExtendsNode, IncludeNode))  # type: ignore[arg-type]
    named: list[Any] = [node.parent_name if isinstance(node, ExtendsNode) else node.template for node in nodes]  # type: ignore[attr-defined]
    return [expression.var for expression in named if isinstance(expression.var, str) and not expression.filters]
