"""gunicorn's configuration, with deadlines that a test can wait for."""

from __future__ import annotations

import os

from diamondhub.gunicorn_conf import *  # noqa: F403
from diamondhub.serving import bounds

bounds.HEAD_SECONDS = bounds.BODY_SECONDS = bounds.READING_SECONDS = float(os.environ.get("TEST_DEADLINE_SECONDS", "2"))
