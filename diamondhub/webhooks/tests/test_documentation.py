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

from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.webhooks import signing

PAGE = Path(settings.BASE_DIR) / "docs" / "api" / "webhooks.md"
BODY = '{"type":"catalog.changed","data":{"version":7},"shop":"J\u00fcrgens"}'
#: By language: the program, its options for a script, and what asks the page's function.
LANGUAGES = {
    "js": ("node", ["--input-type=module", "-e"]),
    "php": ("php", ["-r"]),
}
ASKING = {
    "js": """
import { readFileSync } from "node:fs";
const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
console.log(verified(secret, headers, body) ? "yes" : "no");
""",
    "php": """
$asked = json_decode(file_get_contents("php://stdin"), true);
echo verified($asked["secret"], $asked["headers"], $asked["body"]) ? "yes" : "no";
""",
}


@pytest.fixture(params=["js", "php"])
def verified(request: pytest.FixtureRequest) -> Callable[[str, dict[str, str], str], bool]:
    program, options = LANGUAGES[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on this machine: what the page says in it was not tried")
    (function,) = re.findall(rf"```{request.param}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = function + ASKING[request.param]

    def ask(secret: str, headers: dict[str, str], body: str) -> bool:
        asked = json.dumps({"secret": secret, "headers": headers, "body": body})
        answer = subprocess.run(
            [program, *options, script], input=asked, capture_output=True, text=True, timeout=HANG_SECONDS
        )
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
