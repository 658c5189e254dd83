"""Requests to Amazon's REST and JSON services, read and checked by botocore's own description of the service.

botocore checks types and minima before it sends; a stand-in that believed it would pass what Amazon refuses. Here all
that the description says is checked: operation, members, types, required ones, enums, patterns, lengths and ranges.
What is refused is answered as Amazon does, code and sentence included.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import botocore.session
from aiohttp import web

# Java's classes in the descriptions, as Python's. Others would fail loudly in `re`.
_CLASSES = {r"[\P{M}\p{M}]": r"[\s\S]", r"\p{ASCII}": r"[\x00-\x7f]"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
    "timestamp": (int, float),
    "blob": (str,),
}
_UNDERSTOOD = "failed to satisfy constraint: Member must"


class Refused(Exception):
    """What Amazon answers instead. `code` such as `ValidationException`; `status`: of HTTP."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Call:
    """A request understood: the operation (`TranslateText`) and its members by their names in the description."""

    operation: str
    members: dict[str, Any]


class Service:
    """One service as botocore knows it: `translate`, `polly`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._model = _session().get_service_model(name)
        self._is_json = self._model.metadata["protocol"] == "json"

    def read(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
        """A request. `target`: path and query as sent; `headers`: by lower-case name. Raises Refused."""
        path, _, query = target.partition("?")
        operation, labels = self._operation(method, path, headers)
        shape = self._model.operation_model(operation).input_shape
        members: dict[str, Any] = {}
        if shape is not None:
            members = _located(shape, labels, parse_qs(query, keep_blank_values=True), headers)
            if body:
                members |= self._body(headers, body)
            if wrong := list(_wrong(shape, members, "")):
                noun = "error" if len(wrong) == 1 else "errors"
                raise Refused("ValidationException", f"{len(wrong)} validation {noun} detected: {'; '.join(wrong)}")
        return Call(operation, members)

    def answer(self, members: Mapping[str, Any]) -> web.Response:
        """An answer with a JSON body."""
        return self._json(200, members, {})

    def refusal(self, refused: Refused) -> web.Response:
        """An error as the service's protocol carries it: in the body for JSON 1.1, in a header for REST."""
        if self._is_json:
            return self._json(refused.status, {"__type": refused.code, "message": refused.message}, {})
        return self._json(refused.status, {"message": refused.message}, {"x-amzn-ErrorType": refused.code})

    def malformed(self) -> web.Response:
        """An answer that breaks off in the middle of its JSON."""
        response = self._json(200, {}, {})
        response.body = b'{"TranslatedText": "'
        return response

    def _json(self, status: int, members: Mapping[str, Any], headers: dict[str, str]) -> web.Response:
        kind = "application/x-amz-json-1.1" if self._is_json else "application/json"
        headers |= {"x-amzn-RequestId": str(uuid4()), "Content-Type": kind}
        return web.Response(status=status, headers=headers, body=json.dumps(members, ensure_ascii=False).encode())

    def _operation(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        if self._is_json:
            prefix, _, name = headers.get("x-amz-target", "").rpartition(".")
            if (method, path, prefix) == ("POST", "/", self._model.metadata["targetPrefix"]) and (
                name in self._model.operation_names
            ):
                return name, {}
            raise Refused("UnknownOperationException", "")
        for name in self._model.operation_names:
            http = self._model.operation_model(name).http
            if http["method"] == method and (found := _template(http["requestUri"]).fullmatch(path)):
                return name, {label: unquote(value) for label, value in found.groupdict().items()}
        raise Refused("UnknownOperationException", "", 404)

    def _body(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        expected = f"application/x-amz-json-{self._model.metadata['jsonVersion']}" if self._is_json else None
        if expected and headers.get("content-type") != expected:
            raise Refused("UnknownOperationException", "")
        try:
            members = json.loads(body)
        except ValueError as error:
            raise Refused("SerializationException", "the body is not JSON") from error
        if not isinstance(members, dict):
            raise Refused("SerializationException", "Start of structure or map expected")
        return members


async def received(service: Service, request: web.Request) -> Call:
    """The call that an aiohttp request is. Raises Refused."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return service.read(request.method, request.raw_path, headers, await request.read())


@cache
def _session() -> Any:
    return botocore.session.get_session()


@cache
def _template(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(uri.partition("?")[0])))


def _located(
    shape: Any, labels: Mapping[str, str], query: dict[str, list[str]], headers: Mapping[str, str]
) -> dict[str, Any]:
    """The members that travel in path, query or headers. Raises Refused for a query nobody asked for."""
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            found[name] = labels[key]
        elif place == "querystring" and key in query:
            values = [_scalar(member, value) for value in query.pop(key)]
            found[name] = values if member.type_name == "list" else values[-1]
        elif place == "header" and key.lower() in headers:
            found[name] = _scalar(member, headers[key.lower()])
    if query:
        raise Refused("ValidationException", f"unknown in the query: {', '.join(sorted(query))}")
    return found


def _scalar(shape: Any, text: str) -> Any:
    """A value of the query or a header, as JSON would have it. Raises Refused."""
    match shape.member.type_name if shape.type_name == "list" else shape.type_name:
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "integer" | "long" if re.fullmatch(r"-?\d+", text):
            return int(text)
        case "string":
            return text
    raise Refused("SerializationException", f"{shape.name} is no {shape.type_name}")


def _wrong(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value, a sentence each. Raises Refused where it has another type."""
    expected = _TYPES[shape.type_name]
    fits = isinstance(value, expected) and (bool in expected or not isinstance(value, bool))
    if not fits:
        raise Refused("SerializationException", f"{type(value).__name__} can not be converted to {shape.type_name}")
    if shape.type_name == "structure":
        yield from _wrong_members(shape, value, path)
    elif shape.type_name == "list":
        for position, item in enumerate(value, 1):
            yield from _wrong(shape.member, item, f"{path}.{position}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _wrong(shape.key, key, f"{path}.key")
            yield from _wrong(shape.value, item, f"{path}.{key}.member")
    yield from _wrong_itself(shape, value, path)


def _wrong_members(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_below(path, name)}' {_UNDERSTOOD} not be null"
    for name, item in value.items():
        if name not in shape.members:
            # Amazon would not mind; we never mean it.
            yield f"Value at '{_below(path, name)}' is unknown"
        elif item is not None:
            yield from _wrong(shape.members[name], item, _below(path, name))


def _wrong_itself(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Enums, patterns, minima and maxima. Amazon repeats the value, which is why nobody may log its sentences."""
    said = f"Value '{value}' at '{path}' {_UNDERSTOOD}"
    limits = shape.metadata
    if shape.type_name == "structure":
        return
    if "enum" in limits and value not in limits["enum"]:
        yield f"{said} satisfy enum value set: [{', '.join(limits['enum'])}]"
    if "pattern" in limits and not _pattern(limits["pattern"]).fullmatch(value):
        yield f"{said} satisfy regular expression pattern: {limits['pattern']}"
    size, having = _size(shape, value)
    if size is not None and size < limits.get("min", size):
        yield f"{said} have {having} greater than or equal to {limits['min']}"
    if size is not None and size > limits.get("max", size):
        yield f"{said} have {having} less than or equal to {limits['max']}"


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _size(shape: Any, value: Any) -> tuple[float | None, str]:
    """What minima and maxima are about: characters, bytes of a blob, items, or the number itself."""
    match shape.type_name:
        case "string" | "list" | "map":
            return len(value), "length"
        case "blob":
            try:
                return len(base64.b64decode(value, validate=True)), "length"
            except binascii.Error as error:
                raise Refused("SerializationException", "a blob is base64") from error
        case "integer" | "long" | "float" | "double":
            return value, "value"
    return None, ""


def _below(path: str, name: str) -> str:
    # Amazon names members in camel case there, whatever they are called in JSON.
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name
