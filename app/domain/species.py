"""How names of species are compared."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[a-z0-9]+")


def species_name(text: str) -> str:
    """The name as it is compared: lower case, everything but letters a-z and digits as one space.
    `Homo_sapiens` and `homo  sapiens` are the same species; empty when nothing is left."""
    return " ".join(_WORDS.findall(text.lower()))
