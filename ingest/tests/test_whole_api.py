"""The whole OpenAPI document, tried out by Schemathesis with a client of every scope: what it says is what happens.

All its phases and all its checks, with a fixed seed: every run asks the same. What no schema can say is kept out of what is
asked as if it were right (`sayable`), and what that does not reach is in `NOT_SAID_BY_SCHEMAS`, with the reason.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
import schemathesis
from django.test import override_settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.engine import events, from_schema

from catalog.currencies.units import PLACES
from catalog.tests.factories import a_diamond
from diamondhub.api import examples
from diamondhub.operations.problems import tracking
from ingest.models import Feed
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from pricing import experiments
from pricing.models import RuleSet
from pricing.tests.factories import a_draft

#: Made-up requests for each operation, beside the examples and the borders of every value.
MAX_EXAMPLES = 3
#: Operations whose bodies obey rules among their fields, so that a body may be as the schema says and yet be a 400.
NOT_SAID_BY_SCHEMAS = {
    *(
        (operation, "filters contradict each other, names are those of stones, and facets go with include=facets")
        for operation in ("GET /api/v1/diamonds", "POST /api/v1/diamonds/search", "GET /api/v1/diamonds/facets")
    ),
    ("POST /api/v1/rule-sets/{version}/rules", "a rule's ending needs its step, and a clause's bounds their order"),
    (
        "PUT /api/v1/rule-sets/{version}/rules/{number}",
        "a rule's ending needs its step, and a clause's bounds their order",
    ),
    ("POST /api/v1/suppliers/{feed}/graphql", "GraphQL is a language of its own"),
    (
        "POST /api/v1/diamonds/lookup",
        "something must be asked for, of a feed that there is",
    ),
    ("GET /api/v1/diamonds/changes", "the log has what came after some versions, and of others it is gone"),
    ("POST /api/v1/experiments", "its name may be taken"),
    ("POST /api/v1/exports", "filters contradict each other, and names are those of stones"),
    ("GET /api/v1/exports/{number}/file", "the file of an export that was cancelled is gone"),
    ("POST /api/v1/problems/{number}/acknowledgement", "it ends in the future, within seven days"),
    ("PATCH /api/v1/feeds/{feed}", "schedules are crontab strings"),
}
#: Operations with so many values that their borders make hundreds of requests each; these have tests of their own.
WITHOUT_BORDERS = (
    "GET /api/v1/diamonds",
    "GET /api/v1/diamonds/facets",
    "GET /api/v1/diamonds/{id}",
    "GET /api/v1/diamonds/{id}/related",
    "POST /api/v1/diamonds/lookup",
    "POST /api/v1/diamonds/search",
    "POST /api/v1/exports",
    "GET /api/v1/problems",
    "POST /api/v1/rule-sets/{version}/rules",
    "PUT /api/v1/rule-sets/{version}/rules/{number}",
)


@pytest.fixture
def key() -> str:
    return factories.a_busy_client().text


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Wrong keys are tried at every operation, from one address.
    monkeypatch.setattr("diamondhub.access.failures.FAILURES", "100000/m")
    a_diamond(id=examples.ID)
    a_draft({"modifier": 5})
    experiments.new("spring", RuleSet.objects.get(version=2), Decimal(10))
    tracking.occurred("message-letter", "ingest.tasks.walk", subject="A message could not be read")
    with factories.sandbox_feed(Options(stones=20, password="hush")), override_settings(NIVODA_PASSWORD="hush"):
        # The feed of other tests, of a supplier that there is not here.
        Feed.objects.filter(adapter="memory").update(enabled=False)
        yield


def sayable(context: Any, case: Any, kwargs: Any) -> None:
    """Keep what a schema allows and the API cannot out of a request: it is tested elsewhere."""
    # A key that was used before belongs to another request.
    if case.headers and re.fullmatch(r"[!#-+\--~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid4())
    query = case.query or {}
    # A cursor is signed.
    if re.fullmatch(r"[A-Za-z0-9_:-]{1,500}", str(query.get("cursor", ""))):
        del query["cursor"]
    # How many decimals a number may have: `multipleOf` would say it, and validators that count in floats refuse 1.15 by it.
    case.query, case.body = rounded(query), rounded(case.body)
    query = case.query
    # A bound above its other one.
    for name in [name for name in query if name.endswith(("_min", "_from"))]:
        query.pop(name.replace("_min", "_max").replace("_from", "_to"), None)
    bring_days_near(query)
    choose_once(query, case.body)
    # A feed that there is not, where a list of its own is asked for.
    if isinstance(query.get("feed"), str):
        query["feed"] = "nivoda-labgrown"
    # A control character in the address, which the gate refuses before anybody asks what it would name.
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str) and re.search(r"[\x00-\x1f\x7f-\x9f]", unquote(value)):
            case.path_parameters[name] = "nothing"
    # A currency for which there is no rate of exchange.
    for said in (query, case.body):
        asks = isinstance(said, dict) and "/exchange-rates" not in case.operation.path
        if asks and isinstance(said.get("currency"), str) and said["currency"] in PLACES:
            said["currency"] = "USD"
    # A name that no stone has.
    for name, known in {"shape": "ROUND", "lab": "GIA"}.items():
        if re.fullmatch(r"[A-Z0-9][A-Z0-9_]{0,31}", str(query.get(name, [""])[0] if query.get(name) else "")):
            query[name] = [known]


def bring_days_near(query: dict[str, Any]) -> None:
    """Keep out days so far away that nothing is known of them."""
    for name in query:
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(query[name])):
            near = f"2026{query[name][4:]}".replace("02-29", "02-28")
            # Nor with an offset that no place on earth has, and PostgreSQL does not take.
            query[name] = re.sub(r"[+-](1[6-9]|2[0-3])(?=:[0-5][0-9]$)", "+05", near)


def choose_once(*parts: Any) -> None:
    """Leave one way of choosing what is shown."""
    for part in parts:
        if isinstance(part, dict) and "fields" in part:
            part.pop("form", None)


def rounded(value: Any) -> Any:
    """The value with its numbers as short as any field takes them."""
    if isinstance(value, float) and abs(value) < 2**62:
        # To JSON Schema 1.0 is a whole number, to this API it is none.
        return int(value) if value.is_integer() else (round(value, 1) if round(value, 1) % 1 else int(value) + 0.5)
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return {name: rounded(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def failures_of(address: str, key: str) -> Iterator[str]:
    """What Schemathesis finds wrong, in its words."""
    generation = {
        "max-examples": MAX_EXAMPLES,
        "deterministic": True,
        "no-shrink": True,
        "with-security-parameters": False,
    }
    without_borders = [
        {
            "include-name": name,
            "phases": {"coverage": {"enabled": False}},
            "generation": {"max-examples": 5 * MAX_EXAMPLES},
        }
        for name in WITHOUT_BORDERS
    ]
    config = SchemathesisConfig.from_dict(
        {
            "seed": 12,
            "headers": {"X-API-Key": key},
            "workers": 1,
            "continue-on-failure": True,
            "generation": generation,
            "operations": without_borders,
        }
    )
    document = schemathesis.openapi.from_url(f"{address}/api/schema/", config=config)
    not_said = {operation for operation, _ in NOT_SAID_BY_SCHEMAS}
    asked = {operation.ok().label for operation in document.get_all_operations() if isinstance(operation, Ok)}
    for gone in sorted({*not_said, *WITHOUT_BORDERS} - asked):
        yield f"{gone} is no operation any more; take it from the exceptions"
    told = set()
    for event in from_schema(document).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            yield str(event)
        if not isinstance(event, events.ScenarioFinished):
            continue
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is None:
                    continue
                failure, operation = check.failure_info.failure, event.recorder.cases[case_id].value.operation.label
                if check.name == "positive_data_acceptance" and operation in not_said:
                    continue
                # A signature that cannot be read is a 400, whoever sent it; and to leave out a body that may be left out is
                # no violation.
                if check.name == "ignored_auth" and "got `400 Bad Request`" in failure.message:
                    continue
                if check.name == "negative_data_rejection" and "positive test case" in failure.message:
                    continue
                if (operation, check.name, failure.title) not in told:
                    told.add((operation, check.name, failure.title))
                    sample = check.failure_info.code_sample
                    yield f"{operation} [{check.name}] {failure.title}: {failure.message}\n{sample}"


@pytest.mark.django_db(transaction=True)
def test_everything_is_answered_as_the_document_says(live_server: Any, key: str, catalogue: None) -> None:
    # The order of the tests has a seed of its own, which would choose other requests each time.
    random.seed(12)
    schemathesis.hook("before_call")(sayable)

    try:
        failures = list(failures_of(live_server.url, key))
    finally:
        schemathesis.hooks.unregister_all()

    assert failures == [], "\n\n".join(failures)
