"""Modules import each other one way, those included that are imported only when they are needed."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest
from django.conf import settings


def test_no_modules_import_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(settings.BASE_DIR)
    graph = grimp.build_graph(
        "diamondhub", "catalog", "pricing", "ingest", exclude_type_checking_imports=True, cache_dir=None
    )
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imported) > 1_000

    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' <- '.join(error.args[1])}")
