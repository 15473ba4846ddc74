"""Text that may be shown to all: what looks like a secret is left out, and so is what is known to be one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_NAMED = r"pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|private|auth)[_-]?key|accesskey|signature"

_LOOKS_SECRET = (
    (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", HIDDEN),
    (r"(://[^\s:/?#@'\"]*):[^'\"/]*@", rf"\1:{HIDDEN}@"),
    (r"(://)[^\s:/?#@'\"]{8,}@", rf"\1{HIDDEN}@"),
    (r"(?i)([?&](?:key|sig|code)=)[^\s'\"&#]+", rf"\1{HIDDEN}"),
    (r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}", rf"\1 {HIDDEN}"),
    (rf"(?i)((?:{_NAMED})['\"]?\s*[=:]\s*(['\"]))(?!\*)(?:\\.|(?!\2)[^\\])*", rf"\1{HIDDEN}"),
    (rf"(?i)((?:{_NAMED})['\"]?\s*[=:]\s*)(?!\*)[^\s'\"&,;)}}\]]+", rf"\1{HIDDEN}"),
)
"""Patterns, and what is shown instead. They are compiled when they are needed, which in most runs they are not."""

SHORTEST = 4
"""Characters of a secret that is looked for as such: to hide shorter ones would garble everything."""


def hiding(secrets: Collection[str]) -> Callable[[str], str]:
    """Text without these, however they are written."""
    written = {form for secret in secrets for form in _forms(secret) if len(secret) >= SHORTEST}
    known = [re.escape(form) for form in sorted(written, key=len, reverse=True)]
    return partial(re.compile("|".join(known)).sub, HIDDEN) if known else str


def redacting(secrets: Collection[str]) -> Callable[[str], str]:
    """The same, and without what looks like a secret."""
    hidden = hiding(secrets)

    def redacted(text: str) -> str:
        text = hidden(text)
        for pattern, shown in _LOOKS_SECRET:
            text = re.sub(pattern, shown, text)
        return text

    return redacted


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as Python, JSON and addresses write it."""
    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quote(secret, safe=""), quote_plus(secret))


redacted = redacting(())
"""The same where no secret is known."""
