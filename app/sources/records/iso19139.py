"""The rules of ISO 19139 that a record is held against: the XML Schemas of ISO and the OGC, of 2006 or of 2007, as the
record writes GML. What breaks them can be read all the same, so each breach is a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from lxml import etree

from app.sources.records.xml import Element

GMD = "http://www.isotc211.org/2005/gmd"
GML_2006 = "http://www.opengis.net/gml"


def breaches(root: Element) -> Iterator[str]:
    """What is not as wanted: where, what was found, and what is wanted. The same fault of other records is the same
    sentence. Of ISO 19115-2 (gmi) it is what 19115 knows: its root becomes that of one."""
    own = etree.QName(root).namespace
    if own != GMD:
        yield "is of ISO 19115-2 (gmi): only what ISO 19139 has rules for was held against them"
        root.tag = f"{{{GMD}}}MD_Metadata"
        for beyond in root.findall(f"{{{own}}}*"):
            root.remove(beyond)
    schema: Any = _schema(_EDITION_2006 if next(root.iter(f"{{{GML_2006}}}*"), None) is not None else _EDITION_2007)
    if not schema.validate(root):
        for error in schema.error_log:
            told = _TOLD.fullmatch(error.message)
            if told and (own == GMD or told["namespace"] != own):
                yield f"{_where(error.path or '', told['name'])}: {_sentence(told['name'], told['words'])}"


_TOLD = re.compile(
    r"Element '(?:\{(?P<namespace>[^}]*)\})?(?P<name>[^']*)'(?:, attribute '[^']*')?: (?P<words>.*)", re.DOTALL
)


def _where(path: str, name: str) -> str:
    """Properties on the way there; not the classes that they have between them, in capitals."""
    steps = [re.sub(r"^[^:]*:|\[\d+\]$", "", step) for step in path.split("/")]
    return " > ".join([*(step for step in steps[:-1] if step[:1].islower()), name])


def _sentence(name: str, words: str) -> str:
    """What libxml2 says, without what is this record's alone."""
    words = _NAMESPACE.sub("", _GML_ID.sub("gml:id", words)).strip().rstrip(".")
    for pattern, sentence in _SENTENCES:
        if match := pattern.match(words):
            if name in (match[1].split(", ") if match.re.groups else ()):
                return "is of another namespace than what is around it, wanted is the same"
            return sentence.replace("{}", match[1]) if match.re.groups else sentence
    return f"is not as its schema wants it: {words[:300]}"


_NAMESPACE = re.compile(r"\{[^}]*\}")
_GML_ID = re.compile(r"\{http://www\.opengis\.net/gml[^}]*\}id\b")

_SENTENCES = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"This element is not expected\. Expected is (?:one of )?\( (.*) \)", "is not expected here, wanted is {}"),
        (r"This element is not expected", "is one too many here, wanted is none"),
        (r"Missing child element\(s\)\. Expected is (?:one of )?\( (.*) \)", "does not hold enough, wanted is {}"),
        (r"Character content ", "has text of its own, wanted are elements alone"),
        (r"Element content is not allowed", "has elements in it, wanted is text alone"),
        (r"The attribute '(.*)' is required but missing", "has no {}, wanted is that attribute"),
        (r"The attribute '(.*)' is not allowed", "has an attribute {}, wanted is none of that name"),
        (
            r"'.*' is not a valid value of .* '(?:\w+:)?(.*)'",
            "holds what it may not, wanted is a value of the type {}",
        ),
        (r"\[facet '(\w+)'\]", "holds what it may not, by the rule {} of its type"),
    )
)


# --------------------------------------------------------------------------- what is bundled

_EDITION_2006, _EDITION_2007 = "20060504", "20070417"

_ALL = """<schema xmlns="http://www.w3.org/2001/XMLSchema">
  <import namespace="http://www.isotc211.org/2005/gmx" schemaLocation="bundled:/{edition}/gmx/gmx.xsd"/>
  <import namespace="http://www.isotc211.org/2005/srv" schemaLocation="bundled:/{edition}/srv/serviceMetadata.xsd"/>
</schema>"""


class _Bundled(etree.Resolver):
    """Gives schemas from the archive that lies beside this file: see NOTICE for where they are from."""

    def __init__(self) -> None:
        self._archive = ZipFile(BytesIO((files(__package__) / "schemas" / "iso-19139.zip").read_bytes()))

    def resolve(self, url: str, public: str | None, context: Any) -> Any:  # type: ignore[override]
        body = self._archive.read(url.removeprefix("bundled:/"))
        return self.resolve_string(body, context, base_url=url)


@cache
def _schema(edition: str) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Bundled())
    return etree.XMLSchema(etree.fromstring(_ALL.format(edition=edition).encode(), parser))
