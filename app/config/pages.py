"""Reading what people wrote: a file becomes objects, and everything wrong in it a Mistake where it stands.
Nothing here quotes a value, as it may be a password."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from app.config.records import without_password
from app.domain.redaction import redacted
from app.errors import Mistake


class Unreadable(Exception):
    """There is nothing to be had from the file."""


class Malformed(Unreadable):
    """Its text is not what it should be. The message says what is wrong and where, and quotes nothing."""


class _Object(dict[str, Any]):
    """A mapping that remembers which of its keys are written more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: Iterable[tuple[str, Any]], written: Iterable[str]) -> _Object:
    made = _Object(pairs)
    made.repeated = tuple(key for key, times in Counter(written).items() if times > 1)
    return made


def _json_object(pairs: list[tuple[str, Any]]) -> _Object:
    return _object(pairs, (key for key, _ in pairs))


def _no_constant(name: str) -> None:
    raise Malformed(f"is not JSON: {name} is not a number")


def parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Malformed(f"is not JSON: {_in_words(error)} (line {error.lineno}, column {error.colno})") from None
    except ValueError:  # Python takes integers up to a number of digits
        raise Malformed("is not usable: a number in it is too long") from None
    except RecursionError:
        raise Malformed("is not usable: it is nested too deeply") from None


def _in_words(error: json.JSONDecodeError) -> str:
    """The two slips that the parser tells in words that lead astray; else what the parser says."""
    before, after = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    if not before and not after:
        return "it is empty"
    if before.endswith(",") and after in ("}", "]"):
        return f"there is a comma too many at the end of line {before.count(chr(10)) + 1}"
    return error.msg


class _Loader(yaml.SafeLoader):
    """What `yaml.safe_load` takes, but keys are text as written (`no:` is "no"), and repeated ones are known."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            made = super().construct_object(node, deep)
            if isinstance(made, int):
                str(made)  # raises for one of thousands of digits, as reading it in decimal does
            return made
        except (ValueError, LookupError, AttributeError):  # how PyYAML says that `!!int x` or 2026-99-99 is none
            raise yaml.constructor.ConstructorError(None, None, "not a value of its type", node.start_mark) from None

    def mapping(self, node: yaml.MappingNode) -> _Object:
        written = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        self.flatten_mapping(node)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
        return _object(((key.value, self.construct_object(value, deep=True)) for key, value in node.value), written)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)


def parse_yaml(text: str) -> Any:
    try:
        data = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        # A word that PyYAML quotes may be a password: to YAML `*word` is an alias, and `!word` a tag.
        problem = re.sub(r""" ('[^'<\s][^'\s]{2}|"[^"\s]{3}).*""", "", error.problem or "not understood")
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if (mark := error.problem_mark) else ""
        raise Malformed(f"is not YAML: {problem}{where}; text with special characters needs quotes") from None
    except yaml.YAMLError:
        raise Malformed("is not YAML: it holds control characters") from None
    except RecursionError:
        raise Malformed("is not usable: it is nested too deeply") from None
    return _Object() if data is None else data


def read_text(path: Path) -> str:
    """Raises Unreadable, or Malformed where it is not UTF-8. A byte order mark is left out."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise Unreadable("does not exist") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Malformed(f"is not UTF-8 (line {line})") from None
    except ValueError:  # a null character
        raise Unreadable("is not a path") from None


def _flaws(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(key, message) of keys written twice, and of text that no file system and no database takes."""
    seen: set[int] = set()  # YAML's aliases make one object stand in several places, or in itself
    queue: deque[tuple[tuple[str | int, ...], Any]] = deque([((), data)])
    while queue:
        key, value = queue.popleft()
        if not all(_storable(text) for text in (*key[-1:], value) if isinstance(text, str)):
            yield key, "holds a character that cannot be stored: a null, or half of a pair"
        if isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            yield from (((*key, name), "is given more than once; keep one") for name in getattr(value, "repeated", ()))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            queue.extend(((*key, name), inner) for name, inner in items)


def _storable(text: str) -> bool:
    return not re.search("[\0\ud800-\udfff]", text)


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Page:
    """A place where settings are written (a file, the environment, the command line): what it is called, the
    folder that its relative paths start from, the one where we are, and the list that its mistakes go to."""

    name: str
    folder: Path
    here: Path
    mistakes: list[Mistake]

    def mistake(self, message: str, *key: str | int, fatal: bool = True) -> None:
        self.mistakes.append(Mistake(self.name, " > ".join(map(legible, key)), message, fatal))

    def path(self, text: str) -> str:
        """The absolute path, without `.`, `..` and doubled slashes; links are not followed."""
        return "/" + os.path.normpath(self.folder / text).lstrip("/")

    def file(self, text: str) -> tuple[Page, Path]:
        """The page that the file at this path is, and the path. It is called as one would from here."""
        path = Path(self.path(text))
        name = path.relative_to(self.here) if path.is_relative_to(self.here) else path
        return Page(str(name), path.parent, self.here, self.mistakes), path

    def variable(self, name: str, environ: Mapping[str, str], *key: str | int) -> str:
        """Of the environment; that there is none is a mistake."""
        if not (value := environ.get(name, "")):
            self.mistake(f"the environment variable {name} is not set", *key)
        return value

    def secret(self, told: str, environ: Mapping[str, str], *key: str | int) -> str:
        """What is in the variable or the file of this name: the last of the key ends in `_env` or `_file`."""
        if str(key[-1]).endswith("_env"):
            return self.variable(told, environ, *key)
        try:
            return read_text(Path(self.path(told))).rstrip("\r\n")
        except Unreadable as error:
            self.mistake(f"{told} {error}", *key)
        return ""

    def faults(self, model: type[BaseModel], data: Any, *key: str | int) -> Collection[str]:
        """The names of the fields that are not as this model has them; they are mistakes now."""
        try:
            model.model_validate(data)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
        else:
            return ()
        for fault in faults:
            self.mistake(_sentence(model, fault["type"], fault["msg"], fault["loc"]), *key, *fault["loc"])
        if not isinstance(data, dict):
            return model.model_fields.keys()
        return {str(fault["loc"][0]) for fault in faults if fault["loc"]}

    def check(self, model: type[M], data: Any, *key: str | int) -> tuple[M, Collection[str]]:
        """What is right of this data, and the names of the fields that are not, which are mistakes now. Those
        stand at their default, or at the first of their examples. A null is taken as not given."""
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if value is not None and _storable(name)}
        faulty = self.faults(model, data, *key)
        right = {name: data[name] for name in model.model_fields if name not in faulty and name in data}
        examples = {
            name: (field.examples or [None])[0] for name, field in model.model_fields.items() if field.is_required()
        }
        return model.model_validate(examples | right), faulty


class Given(NamedTuple):
    """A setting: the page and the key where it is written, and its value. A default is written nowhere."""

    page: Page
    key: str
    value: Any

    def read(self, parse: Callable[[str], Any], named: str) -> tuple[Page, _Object | None]:
        """The file that this setting names, and the object in it; None where there is none, which is a mistake.
        `named` says who named it, and what to do when it cannot be had."""
        page, path = self.page.file(self.value)
        try:
            data = parse(read_text(path))
        except Malformed as error:
            page.mistake(str(error))
        except Unreadable as error:
            page.mistake(f"{error}; {named}")
        else:
            if isinstance(data, _Object):
                for key, message in _flaws(data):
                    page.mistake(message, *key)
                return page, data
            page.mistake("must be an object: {name: value, ...}")
        return page, None


def first_given(*candidates: Given) -> Given:
    """The first that has a value, else the last."""
    return next((one for one in candidates if one.value), candidates[-1])


_SENTENCES = {
    "missing": "is required",
    "model_type": "must be an object: {name: value, ...}",
    "dict_type": "must be an object: {name: value, ...}",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "is not of the right form",
}


def _sentence(model: type[BaseModel], kind: str, message: str, where: Sequence[str | int]) -> str:
    if kind == "extra_forbidden":
        return unknown("key", str(where[-1]), model.model_fields)
    what = _SENTENCES.get(kind) or message.removeprefix("Value error, ").replace("Input should", "must")
    field = model.model_fields.get(str(where[0])) if where else None
    return f"{what}; allowed: {field.description}" if field and field.description else what


def unknown(what: str, word: str, allowed: Iterable[str], *, listed: bool = True) -> str:
    names = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(word.lower()[:100], names, n=1)
    hint = f"; did you mean {names[near[0]]!r}?" if near else ""
    known = f"{hint or ';'} allowed: {', '.join(names.values()) or 'none'}" if listed else hint
    return f"unknown {what} {word[:100]!r}{known}"


def legible(part: str | int) -> str:
    text = redacted(without_password(part)) if isinstance(part, str) else f"item {part + 1}"
    return text if text.isprintable() else ascii(text)[1:-1]
