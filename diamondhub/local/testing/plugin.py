"""The pytest plugin that runs before pytest-django reads the settings; loaded by `-p` in pyproject.toml.

Tests have a `var` of their own, so that they never touch the servers of an `up` or `demo` in the same checkout.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import hypothesis
import pytest

from diamondhub.local.testing import durations, lanes, servers


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Name the servers in the environment, unless only help or a list of options was asked for."""
    options = early_config.known_args_namespace
    if options.help:
        return
    root = Path(__file__).resolve().parent.parent.parent.parent
    os.environ.setdefault("DIAMONDHUB_VAR", str(root / "var" / "test"))
    os.environ.setdefault("DIAMONDHUB_EMBEDDED_FSYNC", "off")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        # SIGTERM acts like Ctrl-C: failures so far are reported, and the servers are stopped.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Byte code is kept, since some hundred processes are started from the same sources.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.numprocesses and "PYTEST_XDIST_WORKER" not in os.environ:
        if os.environ.get("REDIS_URL"):
            raise pytest.UsageError("-n: every process of tests needs a Redis of its own; unset REDIS_URL")
        servers.database_url()
    else:
        servers.name_redis()


def pytest_configure(config: pytest.Config) -> None:
    """Measure durations, and give properties no deadline.

    A whole run, and one in continuous integration, tries the same examples every time, so that what it finds is of the
    change and not of chance; whoever runs some tests looks for new ones.
    """
    lane = os.environ.get("DIAMONDHUB_TEST_LANE")
    hypothesis.settings.register_profile(
        "diamondhub",
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        derandomize=bool(lane or os.environ.get("CI")),
    )
    hypothesis.settings.load_profile("diamondhub")
    config.pluginmanager.register(durations.Durations(lane or "tests"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a test of whole processes that the lane of these would not find."""
    if item.get_closest_marker("processes") and item.path not in lanes.files():
        raise pytest.UsageError(f"{item.path}: tests of whole processes are marked by the words {lanes.MARK}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, and keep the order within those marked `in_order`; else the random order stays."""
    items.sort(key=lambda item: item.location[0] not in lanes.BEGUN_FIRST)
    stories: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if item.get_closest_marker("in_order"):
            stories.setdefault(item.path, []).append(place)
    for places in stories.values():
        in_order = sorted((items[place] for place in places), key=_line)
        for place, item in zip(places, in_order, strict=True):
            items[place] = item


def pytest_collection_finish() -> None:
    """Keep what is loaded by now out of every later garbage collection, in this process and in what it forks."""
    gc.collect()
    gc.freeze()


def _line(item: pytest.Item) -> int:
    return item.location[1] or 0


def pytest_unconfigure() -> None:
    """Stop the servers."""
    servers.close()
