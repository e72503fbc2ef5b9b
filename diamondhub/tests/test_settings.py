"""The environment: what it sets, and what stops the start with one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings


def started(**environment: str) -> subprocess.CompletedProcess[str]:
    """What a process that reads the settings in `environment` says about mail."""
    shown = ["EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_USE_TLS", "EMAIL_USE_SSL", "EMAIL_TIMEOUT"]
    shown += ["DEFAULT_FROM_EMAIL", "SERVER_EMAIL"]
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import json; from diamondhub import settings; print(json.dumps([getattr(settings, n) for n in {shown!r}]))",
        ],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "mail"),
    [
        ({}, ["localhost", 25, "", False, False, 10.0, "diamondhub@localhost", "diamondhub@localhost"]),
        (
            {
                "EMAIL_HOST": "smtp.example.com",
                "EMAIL_HOST_USER": "hub",
                "EMAIL_HOST_PASSWORD": "hush-hush",
                "EMAIL_USE_TLS": "true",
                "EMAIL_TIMEOUT": "3.5",
                "DEFAULT_FROM_EMAIL": "Diamond Hub <hub@example.com>",
            },
            [
                *("smtp.example.com", 587, "hub", True, False, 3.5),
                *("Diamond Hub <hub@example.com>", "Diamond Hub <hub@example.com>"),
            ],
        ),
        (
            {"EMAIL_HOST": "::1", "EMAIL_USE_SSL": "1"},
            ["::1", 465, "", False, True, 10.0, "diamondhub@localhost", "diamondhub@localhost"],
        ),
        (
            {"EMAIL_USE_SSL": "1", "EMAIL_PORT": "2465"},
            ["localhost", 2465, "", False, True, 10.0, "diamondhub@localhost", "diamondhub@localhost"],
        ),
    ],
)
def test_the_mail_server_is_what_the_environment_says(environment: dict[str, str], mail: list[object]) -> None:
    told = started(**environment)

    assert json.loads(told.stdout) == mail


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"EMAIL_HOST": "smtp.example.com/x"}, "EMAIL_HOST: must be a host's name"),
        ({"EMAIL_HOST": "two words"}, "EMAIL_HOST: must be a host's name"),
        ({"EMAIL_PORT": "0"}, "EMAIL_PORT: must be between 1 and 65535"),
        ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT: "),
        ({"EMAIL_TIMEOUT": "0"}, "EMAIL_TIMEOUT: must be between"),
        ({"EMAIL_TIMEOUT": "nan"}, "EMAIL_TIMEOUT: "),
        ({"EMAIL_USE_TLS": "perhaps"}, "EMAIL_USE_TLS: "),
        ({"EMAIL_USE_TLS": "1", "EMAIL_USE_SSL": "1"}, "EMAIL_USE_TLS and EMAIL_USE_SSL"),
        ({"EMAIL_HOST_PASSWORD": "hush-hush"}, "EMAIL_HOST_PASSWORD is never sent without EMAIL_HOST_USER"),
        ({"DEFAULT_FROM_EMAIL": "nobody"}, "DEFAULT_FROM_EMAIL: must be like"),
        ({"DEFAULT_FROM_EMAIL": "a@b.example\nBcc: c@d.example"}, "DEFAULT_FROM_EMAIL: must be like"),
        ({"ALERT_EMAILS": "eve@example.com,adam"}, "ALERT_EMAILS: must be like"),
    ],
)
def test_a_wrong_mail_server_stops_the_start_with_one_line_that_names_the_variable(
    environment: dict[str, str], named: str
) -> None:
    told = started(**environment)

    assert told.returncode == 1
    assert named in told.stderr.strip().splitlines()[-1]
    assert "hush-hush" not in told.stderr
