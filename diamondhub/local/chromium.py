"""The browser of the tests: Debian's Chromium, found on the machine or, on a machine that checks changes, installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: How long installing may take (seconds).
INSTALL_SECONDS = 600


def chromium() -> str | None:
    """The path of a Chromium, None if there is none.

    With `CI=true`, as root on a Debian, a missing one is installed: nobody would notice there that its tests were skipped.
    """
    found = _find()
    if found is None and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the tests in a browser (once, about a minute) …", file=sys.stderr, flush=True)
        _apt_get("update", "-qq")
        _apt_get("install", "-y", "-qq", "--no-install-recommends", "chromium")
        found = _find()
    return found


def _find() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _apt_get(*arguments: str) -> None:
    """Run apt-get; a failure is no error here, as the tests say themselves what they miss."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        print(f"apt-get {arguments[0]} took too long", file=sys.stderr)
