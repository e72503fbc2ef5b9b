"""What a program loads when it starts: only what it is for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

#: What only pages, searches and answers need; with the checks it was two fifths of what a worker computed to start.
HEAVY = ("diamondhub.urls", "numpy", "graphql", "drf_spectacular.plumbing", "ingest.admin", "pricing.admin", "openpyxl")


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import diamondhub.celery as loaded; loaded.app.loader.import_default_modules()", id="worker"),
        pytest.param("import django; django.setup(); import ingest.management.commands.start_run", id="command"),
    ],
)
def test_workers_and_commands_load_nothing_that_only_pages_need(program: str) -> None:
    code = f"{program}; import sys; print(*(name for name in {HEAVY} if name in sys.modules))"

    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        # As the stack starts workers.
        env={**os.environ, "CELERY_SKIP_CHECKS": "true"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.split() == []
