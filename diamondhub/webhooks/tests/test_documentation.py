"""What docs/api/webhooks.md tells receivers to do verifies what is sent, and nothing that was changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from diamondhub.webhooks import signing

PAGE = Path(settings.BASE_DIR) / "docs" / "api" / "webhooks.md"
BODY = '{"type":"catalog.changed","data":{"version":7},"shop":"J\u00fcrgens"}'
ASKED_OF = {
    "js": (
        "node",
        ["--input-type=module", "-e"],
        "import { readFileSync } from 'node:fs';\n{code}\n"
        "const {{ secret, headers, body }} = JSON.parse(readFileSync(0, 'utf8'));\n"
        "console.log(verified(secret, headers, body) ? 'yes' : 'no');",
    ),
    "php": (
        "php",
        ["-r"],
        "{code}\n$asked = json_decode(file_get_contents('php://stdin'), true);\n"
        "echo verified($asked['secret'], $asked['headers'], $asked['body']) ? 'yes' : 'no';",
    ),
}


@pytest.fixture(params=["js", "php"])
def verified(request: pytest.FixtureRequest) -> Callable[[str, dict[str, str], str], bool]:
    program, options, written = ASKED_OF[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on this machine: what the page says in it was not tried")
    found = re.search(rf"```{request.param}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    script = written.replace("{code}", found[1]).replace("{{", "{").replace("}}", "}")

    def ask(secret: str, headers: dict[str, str], body: str) -> bool:
        asked = json.dumps({"secret": secret, "headers": headers, "body": body})
        answer = subprocess.run([program, *options, script], input=asked, capture_output=True, text=True, timeout=60)
        assert answer.stdout.strip() in ("yes", "no"), answer.stderr
        return answer.stdout.strip() == "yes"

    return ask


def test_the_page_s_function_verifies_either_secret_and_nothing_else(
    verified: Callable[[str, dict[str, str], str], bool],
) -> None:
    new, old, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    now = int(time.time())
    headers = signing.headers("msg_1", now, BODY.encode(), [new, old])
    late = signing.headers("msg_1", now - 3600, BODY.encode(), [new])

    outcomes = [
        verified(new, headers, BODY),
        verified(old, headers, BODY),
        verified(other, headers, BODY),
        verified(new, headers, BODY.replace("7", "8")),
        verified(new, {**headers, "webhook-id": "msg_2"}, BODY),
        verified(new, late, BODY),
    ]

    assert outcomes == [True, True, False, False, False, False]
