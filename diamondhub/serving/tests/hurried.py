"""gunicorn's configuration, with deadlines that a test can wait for."""

from __future__ import annotations

from diamondhub.gunicorn_conf import *  # noqa: F403
from diamondhub.serving import bounds

bounds.HEAD_SECONDS = bounds.BODY_SECONDS = bounds.READING_SECONDS = 2.0
