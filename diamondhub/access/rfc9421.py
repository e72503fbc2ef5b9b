"""HTTP message signatures (RFC 9421) with one shared secret (`hmac-sha256`): read, written out, computed. Knows no request.

Whatever components and parameters a signature names are taken here, as the RFC's own examples need; which ones the API
accepts is said in `signatures`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: The algorithm's name in the registry.
ALGORITHM = "hmac-sha256"
#: How a request names its signature's inputs and its signature, as WSGI has them.
INPUT_FIELD, SIGNATURE_FIELD = "HTTP_SIGNATURE_INPUT", "HTTP_SIGNATURE"

_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_VALUE = rf"{_STRING}|[0-9]{{1,15}}"
_PARAMETER = re.compile(rf"; *(?P<name>{_KEY})=(?P<value>{_VALUE})", re.ASCII)
# What stands in the parentheses is taken apart afterwards: one pattern for all would try for ever on hostile texts.
_INPUT = re.compile(
    rf"(?P<label>{_KEY})=\((?P<components>[^()]*)\)(?P<parameters>(?:; *{_KEY}=(?:{_VALUE}))*)",
    re.ASCII,
)
_COMPONENT = re.compile(r'"(?P<name>@?[a-z0-9!#$%&\'*+.^_`|~-]+)"', re.ASCII)
_SIGNATURE = re.compile(rf"(?P<label>{_KEY})=:(?P<mac>[A-Za-z0-9+/]{{43}}=):", re.ASCII)
_NO_LINE = re.compile("[\0\r\n]")


class MalformedSignature(Exception):
    """What a request says of its signature cannot be read; the message says what is accepted."""


@dataclass(frozen=True)
class MessageSignature:
    """One signature with its inputs, not verified yet."""

    label: str
    components: tuple[str, ...]
    #: In their order, which the signature covers as well.
    parameters: Mapping[str, str | int]
    mac: bytes

    @property
    def written_parameters(self) -> str:
        """The value of `@signature-params`."""
        parameters = "".join(f";{name}={_written(value)}" for name, value in self.parameters.items())
        return covered(self.components) + parameters

    def base(self, values: Mapping[str, str]) -> bytes:
        """What is signed, given the value of each component. Raises `MalformedSignature`."""
        if missing := [name for name in self.components if name not in values]:
            raise MalformedSignature(f"The signature covers {missing[0]}, which the request does not have.")
        lines = [(name, values[name].strip(" \t")) for name in self.components]
        if any(_NO_LINE.search(value) for _, value in lines):
            raise MalformedSignature("A component that the signature covers has more than one line.")
        lines.append(("@signature-params", self.written_parameters))
        try:
            # A server hands over every byte as one character.
            return "\n".join(f'"{name}": {value}' for name, value in lines).encode("latin-1")
        except UnicodeEncodeError:
            raise MalformedSignature("A component that the signature covers is no text of HTTP.") from None


def is_signed(meta: Mapping[str, Any]) -> bool:
    """Whether a request says that it is signed, rightly or not."""
    return INPUT_FIELD in meta or SIGNATURE_FIELD in meta


def parse(inputs: str | None, signatures: str | None) -> MessageSignature:
    """The one signature of a request by its two fields. Raises `MalformedSignature`."""
    if inputs is None or signatures is None:
        raise MalformedSignature("Send Signature-Input and Signature together.")
    read = _INPUT.fullmatch(inputs.strip(" \t"))
    if read is None:
        raise MalformedSignature(
            'Send one Signature-Input of the form sig=("@method" …);created=…;nonce="…";keyid="…";alg="hmac-sha256".'
        )
    written = _SIGNATURE.fullmatch(signatures.strip(" \t"))
    if written is None or written["label"] != read["label"]:
        raise MalformedSignature(f"Send one Signature of the form {read['label'][:20]}=:…:, with 32 bytes in Base64.")
    return MessageSignature(
        label=read["label"],
        components=_components(read["components"]),
        parameters=_parameters(read["parameters"]),
        mac=base64.b64decode(written["mac"]),
    )


def covered(components: Iterable[str]) -> str:
    """The names of components as a signature lists them."""
    return "(" + " ".join(f'"{name}"' for name in components) + ")"


def mac(secret: bytes, base: bytes) -> bytes:
    """The 32 bytes that prove who signed."""
    return hmac.digest(secret, base, hashlib.sha256)


def _components(text: str) -> tuple[str, ...]:
    names = []
    for word in text.split(" "):
        component = _COMPONENT.fullmatch(word) if word else None
        if component is not None:
            names.append(component["name"])
        elif word:
            raise MalformedSignature(
                f"The signature covers {word[:40]}, which is no component in the form accepted here."
            )
    if len(set(names)) < len(names):
        raise MalformedSignature("The signature covers a component twice.")
    return tuple(names)


def _parameters(text: str) -> dict[str, str | int]:
    parameters: dict[str, str | int] = {}
    for parameter in _PARAMETER.finditer(text):
        if parameter["name"] in parameters:
            raise MalformedSignature(f"Signature-Input has the parameter {parameter['name'][:40]} twice.")
        value = parameter["value"]
        parameters[parameter["name"]] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else int(value)
    return parameters


def _written(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
