"""The browser of the tests: Debian's Chromium, found on the machine or, in continuous integration, installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: Time limit of the installation (seconds).
INSTALL_SECONDS = 600


def chromium() -> str | None:
    """The path of a Chromium; None if there is none.

    With `CI=true`, as root on a Debian, a missing one is installed, since nobody would notice skipped tests there.
    """
    path = _find()
    if path is None and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the tests in a browser (once, about a minute) …", file=sys.stderr, flush=True)
        _apt_get("update", "-qq")
        _apt_get("install", "-y", "-qq", "--no-install-recommends", "chromium")
        path = _find()
    return path


def _find() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _apt_get(*arguments: str) -> None:
    """Run apt-get; a failure is no error here, since the tests report a missing browser themselves."""
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
