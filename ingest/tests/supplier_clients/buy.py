"""A client of the supplier as its users write them: python buy.py <address> <name> <password> wrapper|bearer"""

import json
import sys
from typing import Any

import requests

address, username, password, form = sys.argv[1:]


def post(query: str, variables: dict[str, Any], **headers: str) -> Any:
    """The data of an answer."""
    body = {"query": query, "variables": variables, "operationName": None}
    answer = requests.post(address, json=body, headers=headers, timeout=30).json()
    if answer.get("errors"):
        sys.exit(answer["errors"][0]["message"])
    return answer["data"]


SIGN_IN = """query SignIn($username: String!, $password: String!) {
  authenticate { username_and_password(username: $username, password: $password) { token } } }"""
signed_in = post(SIGN_IN, {"username": username, "password": password})
token = signed_in["authenticate"]["username_and_password"]["token"]


def ask(kind: str, fields: str) -> Any:
    """What the account answers."""
    if form == "bearer":
        return post(f"{kind} {{ {fields} }}", {}, Authorization=f"Bearer {token}")
    return post(f"{kind} ($token: String!) {{ as(token: $token) {{ {fields} }} }}", {"token": token})["as"]


WANTED = "{labgrown: true, availability: [AVAILABLE]}"
count = ask("query", f"diamonds_by_query_count(query: {WANTED})")["diamonds_by_query_count"]
page = ask("query", f"diamonds_by_query(query: {WANTED}, limit: 5) {{ items {{ id diamond {{ id }} }} }}")
item = page["diamonds_by_query"]["items"][0]
stone = item["diamond"]["id"]
hold = ask("mutation", f'create_hold(ProductId: "{stone}", ProductType: Diamond) {{ id denied }}')["create_hold"]
cancelled = ask("mutation", f'cancel_hold(hold_id: "{hold["id"]}") {{ id }}')["cancel_hold"]
order = ask("mutation", f'create_order(items: [{{offerId: "{item["id"]}"}}])')["create_order"]
print(
    json.dumps({"count": count, "denied": hold["denied"], "cancelled": cancelled["id"] == hold["id"], "order": order})
)
