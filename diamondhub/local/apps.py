"""The local app: commands for one machine."""

from __future__ import annotations

from django.apps import AppConfig


class LocalConfig(AppConfig):
    """The app of the commands `up` and `test`."""

    name = "diamondhub.local"
    label = "local"
