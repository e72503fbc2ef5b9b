"""The pytest plugin that starts the servers before pytest-django reads the settings; loaded by `-p` in pyproject.toml.

Tests have a `var` of their own, so that they never touch the servers of an `up` or `demo` in the same checkout.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

_stack = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Open the servers, unless only help or a list of options was asked for."""
    if early_config.known_args_namespace.help:
        return
    root = Path(__file__).resolve().parent.parent.parent
    os.environ.setdefault("DIAMONDHUB_VAR", str(root / "var" / "test"))
    os.environ.setdefault("DIAMONDHUB_EMBEDDED_FSYNC", "off")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")
    from diamondhub.local.services import opened

    _stack.enter_context(opened())


def pytest_configure() -> None:
    """Give properties no deadline: machines differ, and the first example pays for Hypothesis's own tables."""
    hypothesis.settings.register_profile(
        "diamondhub", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("diamondhub")


def pytest_unconfigure() -> None:
    """Stop the servers."""
    _stack.close()
