"""The whole OpenAPI document, tried out by Schemathesis with a client of every scope: what it says is what happens.

All its phases and all its checks, with a fixed seed: every run asks the same. Only whether a key is needed is not asked
anew at each border of a value. What no schema can say is kept out of what is asked as if it were right (`sayable`), and what
that does not reach is in `NOT_SAID_BY_SCHEMAS`, with the reason.
"""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
import schemathesis
from django.db import connections
from django.test import override_settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.engine import events, from_schema

from catalog.currencies.units import PLACES
from catalog.tests.factories import a_diamond
from diamondhub.api import examples
from diamondhub.api.views import _generated
from diamondhub.operations.problems import tracking
from ingest.models import Feed
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from pricing import experiments
from pricing.models import RuleSet
from pricing.tests.factories import a_draft

#: Made-up requests for each operation, beside the examples and the borders of every value.
MAX_EXAMPLES = 3
#: A request that takes longer hangs (seconds).
PATIENCE = 300
#: Refusals of requests that are as the schemas say, by what cannot be said there: the operation, and the refusal's words.
NOT_SAID_BY_SCHEMAS = {
    "GET /api/v1/diamonds/changes": "The log has the changes after version",
    "GET /api/v1/exports/{number}/file": "cancelled by its client; there is no file",
    "PATCH /api/v1/feeds/{feed}": "must name a setting that changes|never comes: no such day",
    "POST /api/v1/suppliers/{feed}/graphql": "the query is not GraphQL|the query declares no variable",
    **dict.fromkeys(
        ("POST /api/v1/rule-sets/{version}/rules", "PUT /api/v1/rule-sets/{version}/rules/{number}"),
        "a supplier's name has 1 to 200 printable characters|A name holds letters, digits, spaces and"
        "|this is no name of a fancy colour",
    ),
}
#: Operations that take the fields of another one's body, whose borders are tried there; and the fields of their own.
SAME_FIELDS: dict[str, tuple[str, set[str]]] = {
    "POST /api/v1/exports": ("POST /api/v1/diamonds/search", {"fields", "format", "gzip"}),
    "PUT /api/v1/rule-sets/{version}/rules/{number}": ("POST /api/v1/rule-sets/{version}/rules", {"number"}),
}
#: Operations that take no parameters but those of another one, whose borders are tried there.
SAME_PARAMETERS = {"GET /api/v1/diamonds/facets": "GET /api/v1/diamonds"}
#: Names that there are, for parameters that take no others.
NAMES = {
    "shape": "ROUND",
    "lab": "GIA",
    "country": "India",
    "location": "India",
    "fluorescence_color": "BLUE",
    "fancy_color": "YELLOW",
    "fancy_overtone": "ORANGISH",
}


@pytest.fixture
def key() -> str:
    return factories.a_busy_client().text


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Wrong keys are tried at every operation, from one address.
    monkeypatch.setattr("diamondhub.access.failures.FAILURES", "100000/m")
    # Where receivers of webhooks are: without a network each name is looked for until the time for it is over.
    monkeypatch.setattr(socket, "getaddrinfo", only_this_machine)
    a_diamond(id=examples.ID)
    a_draft({"modifier": 5})
    experiments.new("spring", RuleSet.objects.get(version=2), Decimal(10))
    tracking.occurred("message-letter", "ingest.tasks.walk", subject="A message could not be read")
    with factories.sandbox_feed(Options(stones=20, password="hush")), override_settings(NIVODA_PASSWORD="hush"):
        # The feed of other tests, of a supplier that there is not here.
        Feed.objects.filter(adapter="memory").update(enabled=False)
        yield


_look_up = socket.getaddrinfo


def only_this_machine(host: str, *arguments: Any, **options: Any) -> Any:
    """The addresses of this machine; all others have none."""
    if host in ("localhost", "127.0.0.1"):
        return _look_up(host, *arguments, **options)
    raise socket.gaierror(socket.EAI_NONAME, f"no address for {host}")


def sayable(context: Any, case: Any, kwargs: Any) -> None:
    """Keep what a schema allows and the API cannot out of a request: it is tested elsewhere."""
    # A key that was used before belongs to another request.
    if case.headers and re.fullmatch(r"[!#-+\--~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid4())
    query = case.query or {}
    # A cursor is signed.
    for said in (query, case.body):
        if isinstance(said, dict) and re.fullmatch(r"[A-Za-z0-9_:-]{1,500}", str(said.get("cursor", ""))):
            del said["cursor"]
    # How many decimals a number may have: `multipleOf` would say it, and validators that count in floats refuse 1.15 by it.
    case.query, case.body = rounded(query), rounded(case.body)
    query = case.query
    bring_days_near(query)
    if isinstance(case.body, dict):
        bring_days_near(case.body)
    choose_once(query, case.body)
    # A feed that there is not, where a list of its own is asked for.
    if isinstance(query.get("feed"), str):
        query["feed"] = "nivoda-labgrown"
    case.path_parameters = printable(case.path_parameters or {})
    # A currency for which there is no rate of exchange.
    for said in (query, case.body):
        asks = isinstance(said, dict) and "/exchange-rates" not in case.operation.path
        if asks and isinstance(said.get("currency"), str) and said["currency"] in PLACES:
            said["currency"] = "USD"
    # Of what is to break a schema nothing more is taken away.
    if case.meta is None or case.meta.generation.mode.is_positive:
        for said in (query, case.body):
            if isinstance(said, dict):
                without_contradictions(said)
                name_what_there_is(said)
                bound_amounts(said)
        ask_for_facets(case.body if isinstance(case.body, dict) else query, case.operation.path)
    else:
        for name in [name for name in query if name.endswith(("_min", "_from"))]:
            query.pop(name.replace("_min", "_max").replace("_from", "_to"), None)


def printable(path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Without control characters, which the gate refuses before anybody asks what the address would name."""
    return {
        name: "nothing" if isinstance(value, str) and re.search(r"[\x00-\x1f\x7f-\x9f]", unquote(value)) else value
        for name, value in path_parameters.items()
    }


def ask_for_facets(said: dict[str, Any], path: str) -> None:
    """Ask for the facets that are named, where they are no matter of course."""
    if "facets" in said and not path.endswith("/facets"):
        said["include"] = ["facets"]


def bound_amounts(said: dict[str, Any]) -> None:
    """Shorten amounts that are beyond the largest; which that is depends on their currency."""
    for name, value in said.items():
        if isinstance(value, str) and re.fullmatch(r"[0-9]{10,13}(\.[0-9]{1,2})?", value):
            said[name] = value[:9]


def without_contradictions(said: dict[str, Any]) -> None:
    """Take away what cannot be true together of one stone, in a query, in a body, or in the rule that a body holds."""
    with_one_bound(said)
    with_colors_of_one_kind(said)
    if str(said.get("lab_grown")).lower() == "false":
        said.pop("growth_method", None)
    # Together they may not name more than each of them may.
    for name in ("ids", "stock_numbers", "certificate_numbers"):
        if isinstance(said.get(name), list):
            del said[name][160:]
    if isinstance(rule := said.get("rule"), dict):
        rule_without_contradictions(rule)


def with_one_bound(said: dict[str, Any]) -> None:
    """Leave one bound of each range, and none where names are listed."""
    for name in list(said):
        if name.endswith(("_min", "_from")):
            said.pop(re.sub("_min$", "_max", re.sub("_from$", "_to", name)), None)
    for name in list(said):
        if (listed := re.sub("_(from|to)$", "", name)) != name and listed in said:
            del said[name]


def with_colors_of_one_kind(said: dict[str, Any]) -> None:
    """Leave colors from D to Z, or fancy ones."""
    lettered: list[str] = [name for name in ("color", "color_from", "color_to") if name in said]
    fancy = [name for name in said if name.startswith("fancy_")]
    if said.get("color_type") != "fancy":
        lettered = fancy if lettered or "color_type" in said else []
    for name in lettered:
        del said[name]


def rule_without_contradictions(rule: dict[str, Any]) -> None:
    """Take away what no rule may say: an ending without its steps, bounds in the wrong order, none but nothing."""
    if rule.get("ending") is None or rule.get("ending_step") is None:
        rule.pop("ending", None)
        rule.pop("ending_step", None)
    elif Decimal(rule["ending"]) >= Decimal(rule["ending_step"]):
        rule["ending"], rule["ending_step"] = "99.00", "100.00"
    rule.pop("valid_to", None)
    # The address says it.
    rule.pop("number", None)
    for clause in rule.get("clauses") or ():
        for name in list(clause):
            if name.endswith("_min"):
                clause.pop(name.replace("_min", "_max"), None)
            elif name.endswith("_excluded") and not clause.get(name.removesuffix("_excluded")):
                del clause[name]
        if clause.get("shapes"):
            clause["shapes"] = ["ROUND"]


def name_what_there_is(said: dict[str, Any]) -> None:
    """Put names that there are in the place of those that no stone, no feed and no experiment has yet."""
    for name in NAMES.keys() & said.keys():
        said[name] = [NAMES[name]]
    if isinstance(said.get("feed"), str):
        said["feed"] = "nivoda-labgrown"
    if "slug" in said and "rule_set" in said:
        said["slug"] = f"experiment-{uuid4()}"


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


def fields_of(label: str) -> dict[str, Any]:
    """The schemas of a body's fields by name; of a body that holds a rule, the rule's."""
    method, path = label.split()
    document = _generated()
    schema = document["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    while True:
        properties: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        if "rule" not in properties:
            return properties
        schema = properties["rule"]


def parameters_of(label: str) -> dict[str, Any]:
    """The schemas of the parameters of a query by name."""
    method, path = label.split()
    declared = _generated()["paths"][path][method.lower()]["parameters"]
    return {parameter["name"]: parameter["schema"] for parameter in declared if parameter["in"] == "query"}


def is_not_said(operation: str, response: Any) -> bool:
    """Whether all that is wrong by the answer is what no schema of the operation can say."""
    problem = json.loads(response.content)
    told = [error["message"] for error in problem.get("errors", ())] or [problem["detail"]]
    words = NOT_SAID_BY_SCHEMAS.get(operation)
    return words is not None and all(re.search(words, detail) for detail in told)


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
        for name in [*SAME_FIELDS, *SAME_PARAMETERS]
    ]
    config = SchemathesisConfig.from_dict(
        {
            "seed": 12,
            "headers": {"X-API-Key": key},
            "workers": 1,
            "continue-on-failure": True,
            # A machine that is busy with other tests takes its time.
            "request-timeout": PATIENCE,
            "generation": generation,
            # Without and with a wrong key each operation is asked in the other phases: it makes three requests of one.
            "phases": {"coverage": {"checks": {"ignored_auth": {"enabled": False}}}},
            "operations": without_borders,
        }
    )
    document = schemathesis.openapi.from_url(f"{address}/api/schema/", config=config, timeout=PATIENCE)
    asked = {operation.ok().label for operation in document.get_all_operations() if isinstance(operation, Ok)}
    for gone in sorted(NOT_SAID_BY_SCHEMAS.keys() - asked):
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
                response = event.recorder.interactions[case_id].response
                if check.name == "positive_data_acceptance" and is_not_said(operation, response):
                    continue
                # A signature that cannot be read is a 400, whoever sent it; and to leave out a body that may be left out is
                # no violation.
                if check.name == "ignored_auth" and "got `400 Bad Request`" in failure.message:
                    continue
                if check.name == "negative_data_rejection" and "positive test case" in failure.message:
                    continue
                if (operation, check.name, failure.title) not in told:
                    told.add((operation, check.name, failure.title))
                    sample, answer = check.failure_info.code_sample, response.content[:2_000] if response else b""
                    yield f"{operation} [{check.name}] {failure.title}: {failure.message}\n{sample}\n{answer!r}"


@pytest.mark.parametrize("label", SAME_FIELDS)
def test_whose_borders_are_not_tried_takes_the_fields_of_another(label: str) -> None:
    other, own = SAME_FIELDS[label]
    theirs = fields_of(other)

    assert {name for name, schema in fields_of(label).items() if theirs.get(name) != schema} == own


@pytest.mark.parametrize("label", SAME_PARAMETERS)
def test_whose_borders_are_not_tried_takes_the_parameters_of_another(label: str) -> None:
    assert parameters_of(label).items() <= parameters_of(SAME_PARAMETERS[label]).items()


@pytest.mark.django_db(transaction=True)
def test_everything_is_answered_as_the_document_says(
    live_server: Any, key: str, catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To connect to the database for each of thousands of requests is much of what they cost.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)
    # The order of the tests has a seed of its own, which would choose other requests each time.
    random.seed(12)
    schemathesis.hook("before_call")(sayable)

    try:
        failures = list(failures_of(live_server.url, key))
    finally:
        schemathesis.hooks.unregister_all()

    assert failures == [], "\n\n".join(failures)
