"""The target of a request, as it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def raw_target(environ: Mapping[str, Any]) -> str:
    """The path and query of a request word for word, before anything was decoded: what the client has signed.

    WSGI has only the decoded path, from which this cannot be made again: `%2F` and `/` are the same there. Raises
    `LookupError` with a server that does not tell; ours does, and so do gunicorn's own workers.
    """
    # waitress, nginx's uwsgi and Apache say REQUEST_URI, gunicorn RAW_URI.
    for name in ("REQUEST_URI", "RAW_URI"):
        if target := environ.get(name):
            return str(target)
    raise LookupError("this server does not tell the target of a request as it came")
