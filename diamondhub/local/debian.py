"""Programs of Debian that only tests need: found on the machine or, in continuous integration, installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: Time limit of an installation (seconds).
INSTALL_SECONDS = 600
#: Where servers are, which is not on everybody's PATH.
_ELSEWHERE = "/usr/sbin"


def program(package: str, *names: str) -> str | None:
    """The path of the first of these programs that there is, or None; without names it is called as its package.

    With `CI=true`, as root on a Debian, a missing one is installed, since nobody would notice skipped tests there.
    """
    names = names or (package,)
    path = _find(names)
    if path is None and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {package} for the tests (once) …", file=sys.stderr, flush=True)
        _apt_get("update", "-qq")
        _apt_get("install", "-y", "-qq", "--no-install-recommends", package)
        path = _find(names)
    return path


def _find(names: tuple[str, ...]) -> str | None:
    paths = (shutil.which(name) or shutil.which(name, path=_ELSEWHERE) for name in names)
    return next(filter(None, paths), None)


def _apt_get(*arguments: str) -> None:
    """Run apt-get; a failure is no error here, since the tests report a missing program themselves."""
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
