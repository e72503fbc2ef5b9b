"""The WSGI entry point that gunicorn serves."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")

application = get_wsgi_application()

# Web servers run no system checks, and behind a gate that stands elsewhere nothing is guarded.
from diamondhub.access.gate import check_order  # noqa: E402 - it needs the settings

if _faults := check_order():
    raise ImproperlyConfigured(" ".join(f"{fault.msg} ({fault.id})" for fault in _faults))

# Loaded now: the first who asks need not wait for all pages to be loaded.
import diamondhub.urls  # noqa: E402, F401
