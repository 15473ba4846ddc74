"""Google's public discovery documents, as they come with google-api-python-client, compiled to validators.

Promise: what passes `Operation.check_request` and `check_reply` is an instance of the JSON Schema that the document
amounts to (test_sheets compares the two), at a speed fit for 500,000 cells. Beyond the documents: unknown names,
two values in one of Google's `oneof`s, and unknown paths in field masks are refused, in Google's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.servers.sheets import masks

ONE_OF = {
    "Request": None,  # None: all of its fields
    "ExtendedValue": None,
    "DataFilter": None,
    "UpdateCellsRequest": ("start", "range"),
    "DeveloperMetadataLocation": ("dimensionRange", "sheetId", "spreadsheet"),
}
SCALARS = {"string": str, "boolean": bool, "integer": int, "number": float}
ALSO = {"drive.files.get": {"includeItemsFromAllDrives": {"type": "boolean"}}}
"""Parameters that are not in the documents, though the live service takes them."""
LIMITS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}


class Invalid(Exception):
    """A value that is not what the document says; `path` grows while the error travels up."""

    def __init__(self, said: str, unknown: str = "") -> None:
        super().__init__(said)
        self.said, self.unknown, self.path = said, unknown, ""

    def below(self, step: str) -> Invalid:
        self.path = step + ("." if self.path and self.path[0] != "[" else "") + self.path
        return self

    def message(self) -> str:
        if self.unknown:
            at = f" at '{self.path}'" if self.path else ""
            return f'Invalid JSON payload received. Unknown name "{self.unknown}"{at}: Cannot find field.'
        return self.said.replace("PATH", self.path, 1)


Check = Callable[[Any, list[Any]], None]
"""Raises Invalid. The list is given every (object, name) of which the value is null: absent, says protobuf."""


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def wrong(kind: str, value: object) -> Invalid:
    shown = json.dumps(value, ensure_ascii=False)
    return Invalid(f"Invalid value at 'PATH' ({kind}), {shown[:200]}")


class Document:
    def __init__(self, name: str) -> None:
        folder = files("googleapiclient") / "discovery_cache" / "documents"
        self.body: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        self.schemas: dict[str, Any] = self.body["schemas"]
        self._checks: dict[str, Check] = {}
        self.operations = sorted(self._methods(self.body), key=lambda found: (found.rank, found.id))

    def _methods(self, part: Mapping[str, Any]) -> Iterator[Operation]:
        for method in part.get("methods", {}).values():
            yield Operation(self, method)
        for resource in part.get("resources", {}).values():
            yield from self._methods(resource)

    def json_schema(self, name: str) -> dict[str, Any]:
        """The same, for the package jsonschema. Slow: for tests."""

        def convert(part: Any) -> Any:
            if isinstance(part, list):
                return [convert(item) for item in part]
            if not isinstance(part, dict):
                return part
            if "$ref" in part:
                return {"$ref": f"#/$defs/{part['$ref']}"}
            kept = {key: convert(part[key]) for key in ("items", "enum") if key in part}
            if part["type"] != "any":
                kept["type"] = part["type"]
            if "properties" in part:
                kept["properties"] = {key: convert(value) for key, value in part["properties"].items()}
            if part["type"] == "object":
                kept["additionalProperties"] = convert(part.get("additionalProperties", False))
            if part.get("format") in LIMITS:
                kept["minimum"], kept["maximum"] = LIMITS[part["format"]]
            return kept

        return {"$ref": f"#/$defs/{name}", "$defs": {key: convert(part) for key, part in self.schemas.items()}}

    def check(self, name: str) -> Check:
        if name not in self._checks:
            self._checks[name] = lambda value, nulls: self._checks[name](
                value, nulls
            )  # for schemas that hold themselves
            self._checks[name] = self._compile(self.schemas[name], name)
        return self._checks[name]

    def _compile(self, part: Mapping[str, Any], name: str) -> Check:
        if "$ref" in part:
            return self.check(part["$ref"])
        if part["type"] == "any":
            return lambda value, nulls: None
        if part["type"] == "array":
            return self._array(part, name)
        if part["type"] == "object":
            return self._object(part, name)
        return _scalar(part, name)

    def _array(self, part: Mapping[str, Any], name: str) -> Check:
        item_check = self._compile(part["items"], name)
        lists = part["items"].get("type") == "array"

        def check(value: Any, nulls: list[Any]) -> None:
            if type(value) is not list:
                if lists and value is not None:  # one item may stand for a list of one, and that item is not a list
                    raise wrong("type.googleapis.com/google.protobuf.ListValue", value)
                raise wrong(f"type.googleapis.com/google.apps.sheets.v4.{name}", value)
            at = 0
            try:
                for at, item in enumerate(value):  # noqa: B007 (the handler says where)
                    item_check(item, nulls)
            except Invalid as error:
                raise error.below(f"[{at}]") from None

        return check

    def _object(self, part: Mapping[str, Any], name: str) -> Check:
        checks: dict[str, Check] = {}
        checks.update({key: self._compile(value, key) for key, value in part.get("properties", {}).items()})
        more = self._compile(part["additionalProperties"], name) if "additionalProperties" in part else None
        one_of = ONE_OF.get(name, ()) if name in ONE_OF else ()
        only = frozenset(checks if one_of is None else one_of)

        def check(value: Any, nulls: list[Any]) -> None:
            if type(value) is not dict:
                raise wrong(f"type.googleapis.com/google.apps.sheets.v4.{name}", value)
            key = ""
            try:
                for key, item in value.items():
                    found = checks.get(key, more)
                    if item is None:
                        nulls.append((value, key))
                    if found is None:
                        raise Invalid("", unknown=key)
                    if item is not None:
                        found(item, nulls)
            except Invalid as error:
                if error.unknown and error.unknown == key and key not in checks and not error.path:
                    raise
                raise error.below(snake(key)) from None
            if only and len(value) > 1:
                given = [key for key in value if key in only and value[key] is not None]
                if len(given) > 1:
                    said = f"oneof field '{name}' is already set. Cannot set '{given[1]}'"
                    raise Invalid(f"Invalid value at 'PATH' (oneof), {said}")

        return check

    def check_mask(self, mask: masks.Mask, name: str, so_far: str = "") -> None:
        """Raises Invalid for a path that leads to no field of this schema."""
        part: Any = self.schemas.get(name)
        for key, below in mask.items():
            if key == "*":
                continue
            at = f"{so_far}.{key}" if so_far else key
            found = part["properties"].get(key) if part and "properties" in part else None
            while found and found.get("type") == "array":
                found = found["items"]
            if found is None or (below and "$ref" not in found and "additionalProperties" not in found):
                raise Invalid(at)
            if below and "$ref" in found:
                self.check_mask(below, found["$ref"], at)


def _scalar(part: Mapping[str, Any], name: str) -> Check:
    kind, enum = SCALARS[part["type"]], frozenset(part.get("enum", ()))
    low, high = LIMITS.get(part.get("format", ""), (float("-inf"), float("inf")))
    called = f"TYPE_{part.get('format', part['type']).upper()}"

    def text(value: Any, nulls: list[Any]) -> None:
        if type(value) is not str:
            raise wrong("TYPE_STRING", value)

    def choice(value: Any, nulls: list[Any]) -> None:
        if type(value) is not str or value not in enum:
            raise wrong(f"type.googleapis.com/google.apps.sheets.v4.{name[:1].upper()}{name[1:]}", value)

    def other(value: Any, nulls: list[Any]) -> None:
        fits = type(value) is kind or (kind is float and type(value) is int) or (kind is int and _whole(value))
        if not fits or not (kind is bool or low <= value <= high):
            raise wrong("TYPE_BOOL" if kind is bool else called, value)

    return choice if enum else text if kind is str else other


def _whole(value: object) -> bool:
    return type(value) is float and value.is_integer()


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its document understands it: parameters of path and query decoded."""

    operation: Operation
    parameters: dict[str, Any]
    mask: masks.Mask


class Operation:
    """One method of one API."""

    def __init__(self, document: Document, method: Mapping[str, Any]) -> None:
        self.document, self.method = document, method
        self.id: str = method["id"]
        self.verb: str = method["httpMethod"]
        media = method.get("mediaUpload", {}).get("protocols", {}).get("simple", {}).get("path")
        path = "/" + document.body["servicePath"] + method["path"]
        self.rank = -len(re.sub(r"\{.*?\}", "", path))
        self._parameters = {**document.body["parameters"], **method.get("parameters", {}), **ALSO.get(method["id"], {})}
        self._pattern, self._upload = self._regex(path), self._regex(media or "/-")
        self.request = method.get("request", {}).get("$ref")
        self.response = method.get("response", {}).get("$ref")

    def _regex(self, path: str) -> re.Pattern[str]:
        def group(found: re.Match[str]) -> str:
            name = found[1]
            some = self._parameters[name].get("pattern", "[^/]+" if name == "range" else "[^/:]+").strip("^$")
            return f"(?P<{name}>{some})"

        return re.compile(re.sub(r"\{\+?(\w+)\}", group, path))

    def matches(self, verb: str, path: str) -> dict[str, str] | None:
        found = verb == self.verb and (self._pattern.fullmatch(path) or self._upload.fullmatch(path))
        return {key: unquote(value) for key, value in found.groupdict().items()} if found else None

    def call(self, in_path: Mapping[str, str], query: str) -> Call:
        """Raises Invalid for an unknown or malformed parameter."""
        given: dict[str, Any] = {}
        for key, values in [*parse_qs(query, keep_blank_values=True).items(), *((k, [v]) for k, v in in_path.items())]:
            if key not in self._parameters:
                raise Invalid(
                    f'Invalid JSON payload received. Unknown name "{key}": Cannot bind query parameter. '
                    f"Field '{key}' could not be found in request message."
                )
            known = [_parameter(self._parameters[key], key, value) for value in values]
            given[key] = known if self._parameters[key].get("repeated") else known[-1]
        mask = masks.parse(given.get("fields", ""))
        if mask and self.response:
            self.document.check_mask(mask, self.response)
        return Call(self, given, mask)

    def check_request(self, body: Any) -> None:
        """Raises Invalid. What is null in the body is taken out: it is absent."""
        nulls: list[Any] = []
        data = self.method["id"].endswith(("values.update", "values.append"))
        try:
            self.document.check(self.request)(body, nulls)
        except Invalid as error:
            raise (error.below("data") if data else error) from None
        for holder, key in nulls:
            del holder[key]

    def check_reply(self, body: Any) -> None:
        """Raises Invalid for a reply that Google would never send: our own mistake."""
        nulls: list[Any] = []
        self.document.check(self.response)(body, nulls)
        if nulls:
            raise Invalid(f"null in a reply: {nulls[:3]}")


def _parameter(known: Mapping[str, Any], key: str, text: str) -> Any:
    kind = known["type"]
    if kind == "boolean":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise Invalid(f"Invalid value at '{snake(key)}' (TYPE_BOOL), \"{text}\"")
    if kind == "integer":
        if re.fullmatch(r"-?\d+", text) and float(known.get("minimum", "-inf")) <= int(text):
            return int(text)
        raise Invalid(f"Invalid value at '{snake(key)}' (TYPE_INT32), \"{text}\"")
    if "enum" in known and text not in known["enum"]:
        enum = f"type.googleapis.com/google.apps.sheets.v4.{key[:1].upper()}{key[1:]}"
        raise Invalid(f"Invalid value at '{snake(key)}' ({enum}), \"{text}\"")
    return text


@cache
def document(name: str) -> Document:
    return Document(name)


DOCUMENTS = {
    "sheets.googleapis.com": ("sheets.v4",),
    "www.googleapis.com": ("drive.v3", "drive.v2"),
    "iamcredentials.googleapis.com": ("iamcredentials.v1",),
}


def find(host: str, verb: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The method meant by a request, and the parameters in its path. The longest fixed path wins."""
    for name in DOCUMENTS.get(host, ()):
        for operation in document(name).operations:
            found = operation.matches(verb, path)
            if found is not None:
                return operation, found
    return None
