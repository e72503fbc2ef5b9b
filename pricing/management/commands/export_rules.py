"""Write a rule set as YAML."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from pricing.errors import NoSuchRuleSet, PricingError
from pricing.in_force import with_rules
from pricing.management.commands._common import PricingCommand
from pricing.models import RuleSet
from pricing.rule_files import to_yaml


class Command(PricingCommand):
    """`export_rules [--rule-set N] [--file F]`."""

    help = "Write a rule set with its rules as YAML, which import_rules reads; the published one if none is named."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rule-set", type=int, metavar="N", help="version (default: the published one)")
        parser.add_argument("--file", type=str, metavar="F", help="where to write (default: standard output)")

    def run(self, *, rule_set: int | None, file: str | None, **_: Any) -> None:
        wanted = RuleSet.objects.filter(state=RuleSet.State.PUBLISHED)
        if rule_set is not None:
            wanted = RuleSet.objects.filter(version=rule_set)
        found = with_rules(wanted).first()
        if found is None:
            raise NoSuchRuleSet(f"there is no rule set {rule_set}" if rule_set is not None else "none is published")
        text = to_yaml(found)
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            _write_whole(Path(file), text)
        except (OSError, ValueError) as error:
            raise PricingError(f"cannot write {file}: {_words(error)}") from error
        self.stderr.write(f"rule set {found.version} is written to {file}")


def _write_whole(path: Path, text: str) -> None:
    """All or nothing: who reads the file meanwhile sees the old one."""
    if path.is_dir():
        raise IsADirectoryError(0, "it is a directory")
    if path.exists() and not path.is_file():
        # A pipe or a device is written as it is.
        path.write_text(text, encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    made = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as written:
            written.write(text)
        made.chmod(0o666 & ~_umask())
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
