"""The rules of DCAT-US that a record is held against: 1.1 for federal agencies and for others (the JSON Schemas of
https://resources.data.gov/schemas/dcat-us/v1.1/), and 3.0 (https://resources.data.gov/dcat-us/3.0.0/).

What breaks them can be read all the same, so each breach is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from jsonschema_rs import Validator

FEDERAL, OTHERS, THREE = "federal", "non-federal", "3.0"

TYPES_OF_3 = ("Dataset", "DataService", "DatasetSeries", "Catalog")
"""1.1 has a prefix before them."""


def profile(told: Mapping[str, Any]) -> str:
    """The one that a record seems to follow."""
    if told.get("@type") in TYPES_OF_3:
        return THREE
    return FEDERAL if "bureauCode" in told or "programCode" in told else OTHERS


def breaches(told: Mapping[str, Any], profile: str) -> Iterator[str]:
    """What is not as wanted, field by field: what was found, and what is wanted. The same fault of other records is the
    same sentence."""
    name = str(told.get("@type")) if told.get("@type") in TYPES_OF_3 else TYPES_OF_3[0]
    for error in _validator(profile, name if profile == THREE else "").iter_errors(told):
        yield from (_sentence(cause) for cause in _causes(error))
    codes = told.get("bureauCode") if profile == FEDERAL else None
    if isinstance(codes, list) and any(isinstance(code, str) and code not in bureaus() for code in codes):
        yield "bureauCode: holds a code that no bureau has; wanted are codes such as 015:11"


def _causes(error: Any) -> Iterator[Any]:
    """Where one of several forms is wanted: what keeps it from the one that it comes closest to."""
    ways = [way for way in getattr(error.kind, "context", ()) if way]
    deepest = max(ways, key=lambda way: max(len(each.instance_path) for each in way), default=())
    if any(len(each.instance_path) > len(error.instance_path) for each in deepest):
        for each in deepest:
            yield from _causes(each)
    else:
        yield error


def _sentence(error: Any) -> str:
    path = list(error.instance_path)
    if missing := getattr(error.kind, "property", None):
        return f"{_where([*path, missing])}: is missing, wanted is {_wanted(missing)}"
    field = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    return f"{_where(path)}: {_found(error)}, wanted is {_wanted(field)}"


def _where(path: Sequence[Any]) -> str:
    steps = ("[]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).lstrip(".") or "the record"


def _found(error: Any) -> str:
    value = error.instance
    if value is None:
        return "is null"
    if value in ("", [], {}):
        return "is empty"
    if isinstance(value, bool):
        return f"is {str(value).lower()}"
    names: Mapping[type, str] = {str: "a text of another form", list: "a list", dict: "an object"}
    return f"is {names.get(type(value), 'a number')}"


def _wanted(field: str) -> str:
    return _WANTED.get(field, "a text")


_ADDRESS = "an address such as https://example.org/a"
_DATE = "a date as ISO 8601 writes it, such as 2026-01-31"

_WANTED = {
    "@type": "the type that its standard names",
    "accessLevel": "public, restricted public or non-public",
    "accessURL": _ADDRESS,
    "accrualPeriodicity": "an interval as ISO 8601 repeats it, such as R/P1Y, or irregular",
    "bureauCode": "a list of codes such as 015:11",
    "conformsTo": _ADDRESS,
    "contactPoint": "an object with fn and hasEmail",
    "dataQuality": "true or false",
    "describedBy": _ADDRESS,
    "describedByType": "a media type such as text/csv",
    "distribution": "a list of objects",
    "downloadURL": _ADDRESS,
    "endpointURL": "a list of addresses",
    "hasEmail": "mailto: with an e-mail address",
    "identifier": "a text, or in 3.0 an object with @id",
    "inSeries": "a list",
    "issued": _DATE,
    "keyword": "a list of texts",
    "landingPage": _ADDRESS,
    "language": "a list of tags such as en-US, or in 3.0 of codes such as en",
    "license": _ADDRESS,
    "mediaType": "a media type such as text/csv",
    "modified": f"{_DATE}, or an interval such as R/P1D",
    "primaryITInvestmentUII": "a number such as 023-000000001",
    "programCode": "a list of codes such as 015:001",
    "publisher": "an object with name",
    "references": "a list of addresses",
    "spatial": "a text, or in 3.0 a list of places",
    "temporal": "a beginning and an end with / between, as ISO 8601 writes them, or in 3.0 a list of periods",
    "theme": "a list",
}


# --------------------------------------------------------------------------- what is bundled


@cache
def bureaus() -> Mapping[str, str]:
    """Code of agency and bureau, as the Office of Management and Budget gives them (015:11) -> the bureau's name."""
    lines = (files(__package__) / "schemas" / "bureaus.txt").read_text("utf-8").splitlines()
    return {code: name for code, _, name in (line.partition(" ") for line in lines)}


@cache
def _validator(profile: str, name: str) -> Validator:
    import jsonschema_rs  # only where records are understood, for it takes a while

    version = "3.0" if profile == THREE else f"1.1-{profile}"
    schema = orjson.loads((files(__package__) / "schemas" / f"dcat-us-{version}.json").read_bytes())
    if name:
        schema = {**schema, "$ref": f"#/$defs/{name}"}
    return jsonschema_rs.validator_for(schema, validate_formats=True)
