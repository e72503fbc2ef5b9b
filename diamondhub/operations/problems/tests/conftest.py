"""Kinds and listeners of tests."""

from diamondhub.operations.tests.problems import _kinds, _no_lookouts, heard

__all__ = ["_kinds", "_no_lookouts", "heard"]
