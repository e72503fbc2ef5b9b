"""What the OpenAPI document shows by example: bodies, answers, parameters, errors, and every operation in four languages.

drf-spectacular calls `add` with the finished document (settings). An example is made from its schema: `examples` where the
schema has any, else a value by its name or its type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from diamondhub.api import kinds

#: Where the examples ask; the page at `/api/docs/` puts its own address there.
HOST = "https://diamonds.example.com"
ID = "5c1f7a52-6b0e-5c8b-9d53-0c6a4e1f2b7d"

#: What names hold whose types do not tell.
_BY_NAME: dict[str, Any] = {
    "id": ID,
    "diamond": ID,
    "actor": "pricing tool (API client)",
    "carats": 1.51,
    "carats_min": 1,
    "carats_max": 2.5,
    "count": 1342,
    "dataset_version": 4711,
    "crown_angle": 34.5,
    "crown_height": 15.5,
    "delivery_days_max": 5,
    "delivery_days_min": 3,
    "depth_mm": 4.55,
    "depth_pct": 61.8,
    "length_mm": 7.38,
    "pavilion_angle": 40.8,
    "pavilion_depth": 43.0,
    "ratio": 1.005,
    "rating": 8,
    "table_pct": 57.0,
    "width_mm": 7.34,
    "cause": "publication",
    "certificate_number": "2141438171",
    "certificate_url": "https://www.gia.edu/report-check?reportno=2141438171",
    "country_of_origin": "BW",
    "currency": "USD",
    "cursor": "WyJhYmMiLFs0MjUwMDBdXQ:1vOaBc:kq3V0xk",
    "culet": "NONE",
    "experiment": "spring",
    "eye_clean": "YES",
    "fancy_color": "YELLOW",
    "feed": "nivoda-natural",
    "girdle": "MEDIUM",
    "image_url": "https://cdn.example.com/5c1f7a52.jpg",
    "Idempotency-Key": "0b7f3c52-9f0e-4c8e-8a55-1d0b6f0d2f11",
    "fingerprint": "4b1f0c6d2e8a97350b1f0c6d2e8a9735",
    "kind": "not-found",
    "lab": "GIA",
    "name": "Rounds above one carat",
    "next": "WyJhYmMiLFs0MjUwMDBdXQ:1vOaBc:kq3V0xk",
    "notes": "After the fair.",
    "priority": 10,
    "published_by": "anna",
    "query": "{ __typename }",
    "reason": "New margins for spring.",
    "share": 10,
    "shape": "ROUND",
    "slug": "spring",
    "started_by": "anna",
    "supplier_name": "Northern Stones",
    "url": "https://shop.example.com/webhooks/diamonds",
    "supplier_stone_id": "S-104822",
    "words": "carats from 1 to 1.99",
}
_BY_FORMAT = {
    "uuid": ID,
    "date": "2026-03-01",
    "date-time": "2026-03-01T08:00:00Z",
    "uri": "https://www.example.com/",
}
_HEADERS = {
    "X-Request-Id": ("string", "Names this request in our logs.", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
    "RateLimit": (
        "string",
        "What is left of each limit that this request counted for (`r`), and in how many seconds there is more (`t`).",
        '"search";r=50;t=1, "at-once";r=7',
    ),
    "RateLimit-Policy": (
        "string",
        "These limits: so many requests (`q`) in so many seconds (`w`), or at once (`qu`).",
        '"search";q=60;w=3, "at-once";q=8;qu="concurrent-requests"',
    ),
    "Retry-After": ("string", "Seconds to wait before asking again.", "2"),
    "WWW-Authenticate": ("string", "How to sign in.", 'ApiKey header="X-API-Key"'),
    "Link": ("string", 'Where the next page is (`rel="next"`), or what replaces this.', '</api/v1/…>; rel="next"'),
    "Idempotency-Replayed": ("string", "`true`: the request acted before, and this is its answer.", "true"),
    "Deprecation": ("string", "Since when nobody should use this any more (RFC 9745).", "@1767225600"),
    "Sunset": ("string", "From when on it may be gone (RFC 8594).", "Fri, 01 Jan 2027 00:00:00 GMT"),
}


def add(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add examples and languages to the document; drf-spectacular's hook."""
    components = result.setdefault("components", {})
    components["headers"] = {
        name: {"description": words, "schema": {"type": kind}, "example": example}
        for name, (kind, words, example) in _HEADERS.items()
    }
    components["examples"] = {kind.name: {"summary": kind.title, "value": problem(kind)} for kind in kinds.all_kinds()}
    maker = _Maker(components.get("schemas", {}))
    for path, method, operation in _operations(result):
        _add_to(path, method, operation, maker)
    return result


def problem(kind: kinds.Kind) -> dict[str, Any]:
    """A problem of this kind."""
    errors = {
        "invalid-parameters": [
            ("carats_min", "carats_min", "must be a number from 0 to 99999.999 with at most 3 decimals")
        ],
        "invalid-body": [
            ("clauses[0].carats_max", "#/clauses/0/carats_max", "must be a number with at most 3 decimals")
        ],
        "wrong-cursor": [("cursor", "cursor", "is not one that this API gave out")],
    }.get(kind.name, [])
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status.value,
        "detail": "; ".join(f"{field} {message}" for field, _, message in errors) or kind.happened,
        "instance": "/api/v1/diamonds",
        "request_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "errors": [{"field": field, "pointer": pointer, "message": message} for field, pointer, message in errors],
    }


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, method, operation


def _add_to(path: str, method: str, operation: dict[str, Any], maker: _Maker) -> None:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        value = maker.of(schema, parameter["name"])
        # In the schema: Swagger UI would fill in what stands beside it, and every search tried there would find nothing.
        if parameter["in"] == "path":
            parameter["example"] = value
        else:
            schema.setdefault("examples", [value])
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media.setdefault("example", maker.of(media["schema"]))
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            for media in response.get("content", {}).values():
                media.setdefault("example", maker.of(media["schema"]))
    operation["x-codeSamples"] = list(_samples(path, method, operation))


class _Maker:
    """Makes examples by the document's schemas."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self.schemas = schemas

    def of(self, schema: dict[str, Any], name: str = "") -> Any:
        """A value that the schema takes."""
        if "$ref" in schema:
            return self.of(self.schemas[schema["$ref"].rpartition("/")[2]], name)
        if "allOf" in schema and "type" not in schema:
            return self.of(schema["allOf"][0], name)
        for choices in ("oneOf", "anyOf"):
            if choices in schema and "properties" not in schema:
                return self.of(schema[choices][0], name)
        if "examples" in schema:
            return schema["examples"][0]
        if "example" in schema:
            return schema["example"]
        return self._by_type(schema, name)

    def _by_type(self, schema: dict[str, Any], name: str) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            is_told = name in _BY_NAME or "enum" in schema or "array" in kind or "format" in schema
            if "null" in kind and not is_told:
                return None
            kind = next(known for known in kind if known != "null")
        if kind == "object" or "properties" in schema:
            return {
                inner: self.of(described, inner)
                for inner, described in schema.get("properties", {}).items()
                if inner in schema.get("required", ()) or described.keys() & {"type", "$ref", "allOf", "oneOf"}
            }
        if kind == "array":
            return [self.of(schema.get("items", {}), name)]
        if "enum" in schema:
            known = _BY_NAME.get(name)
            return schema.get("default", known if known in schema["enum"] else schema["enum"][0])
        if "default" in schema:
            return schema["default"]
        return _plain(kind, schema, name)


def _plain(kind: str | None, schema: dict[str, Any], name: str) -> Any:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    known = _BY_NAME.get(name)
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        if isinstance(known, int | float) and (kind == "number" or isinstance(known, int)):
            return known
        low, high = schema.get("minimum", 0), schema.get("maximum", 10)
        return max(low, min(high, 1))
    pattern = schema.get("pattern", "")
    for text in (known, "1234.50", "ROUND", "a text"):
        if isinstance(text, str) and len(text) <= schema.get("maxLength", len(text)) and _fits(pattern, text):
            return text
    return "text"


def _fits(pattern: str, text: str) -> bool:
    return (not pattern and text != "1234.50" and text != "ROUND") or bool(pattern and re.search(pattern, text))


# --- languages -------------------------------------------------------------------------------------------------------


def _samples(path: str, method: str, operation: dict[str, Any]) -> Iterator[dict[str, str]]:
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(parameter["example"]), safe=""))
    asked = {
        parameter["name"]: _in_query(parameter["schema"]["examples"][0])
        for parameter in parameters
        if parameter["in"] == "query" and (parameter.get("required") or parameter["name"] in _SHOWN)
    }
    url = f"{HOST}{path}{'?' + urlencode(asked, safe=',:') if asked else ''}"
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = media["example"] if media else None
    headers = {"X-API-Key": "…"}
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        headers["Idempotency-Key"] = "…"
    for label, language, write in (
        ("curl", "bash", _curl),
        ("Python", "python", _python),
        ("JavaScript", "javascript", _javascript),
        ("PHP", "php", _php),
    ):
        yield {"lang": language, "label": label, "source": write(method.upper(), url, headers, body)}


#: Parameters that the examples of searches have.
_SHOWN = ("shape", "carats_min", "limit")


def _in_query(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _curl(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    values = {"X-API-Key": "$DIAMONDHUB_KEY", "Idempotency-Key": "$(uuidgen)"}
    lines = ["curl" + ("" if method == "GET" else f" -X {method}") + f" '{url}'"]
    lines += [f'-H "{name}: {values[name]}"' for name in headers]
    if body is not None:
        written = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{written}'"]
    return " \\\n  ".join(lines)


def _python(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    values = {"X-API-Key": 'os.environ["DIAMONDHUB_KEY"]', "Idempotency-Key": "str(uuid.uuid4())"}
    imports = "import os, uuid" if "Idempotency-Key" in headers else "import os"
    written = ", ".join(f'"{name}": {values[name]}' for name in headers)
    lines = [f'    "{url}",', f"    headers={{{written}}},"]
    if body is not None:
        lines.append(f"    json={body!r},")
    told = 'raise SystemExit(answer.json()["detail"])'
    shown = "print(answer.status_code)" if method == "DELETE" else "print(answer.json())"
    return "\n".join(
        [imports, "import requests", "", f"answer = requests.{method.lower()}(", *lines, "    timeout=30,", ")",
         "if not answer.ok:", f"    {told}", shown]
    )  # fmt: skip


def _javascript(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    values = {"X-API-Key": "process.env.DIAMONDHUB_KEY", "Idempotency-Key": "crypto.randomUUID()"}
    fields = [f'"{name}": {values[name]}' for name in headers]
    lines = [f'  method: "{method}",'] if method != "GET" else []
    if body is not None:
        fields.append('"Content-Type": "application/json"')
    lines.append(f"  headers: {{ {', '.join(fields)} }},")
    if body is not None:
        lines.append(f"  body: JSON.stringify({json.dumps(body, ensure_ascii=False)}),")
    shown = "console.log(answer.status);" if method == "DELETE" else "console.log(await answer.json());"
    return "\n".join(
        [f'const answer = await fetch("{url}", {{', *lines, "});",
         "if (!answer.ok) throw new Error((await answer.json()).detail);", shown]
    )  # fmt: skip


def _php(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    values = {"X-API-Key": 'getenv("DIAMONDHUB_KEY")', "Idempotency-Key": "bin2hex(random_bytes(16))"}
    fields = [f'"{name}: " . {values[name]}' for name in headers]
    lines = ["    CURLOPT_RETURNTRANSFER => true,"]
    if method != "GET":
        lines.append(f'    CURLOPT_CUSTOMREQUEST => "{method}",')
    if body is not None:
        fields.append('"Content-Type: application/json"')
        written = json.dumps(body, ensure_ascii=False).replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"    CURLOPT_POSTFIELDS => '{written}',")
    lines.append(f"    CURLOPT_HTTPHEADER => [{', '.join(fields)}],")
    return "\n".join(
        ["<?php", f'$request = curl_init("{url}");', "curl_setopt_array($request, [", *lines, "]);",
         "$answer = json_decode(curl_exec($request));",
         "if (curl_getinfo($request, CURLINFO_RESPONSE_CODE) >= 400) exit($answer->detail);",
         "var_dump($answer);"]
    )  # fmt: skip
