"""A site's folder with its configuration files, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app import config
from app.config import Config
from app.errors import ConfigError, Mistake


class Tree(BaseModel):
    depth: int = 1
    follow: bool = False


class Listing(BaseModel):
    timeout: float = 30


KINDS: Mapping[str, type[BaseModel]] = {"filesystem": Tree, "experiments-json": Listing}
COLUMNS: Mapping[str, Sequence[str]] = {"Discover": ("Accession", "Status"), "Track": ("Accession", "Curator")}
OUTPUTS = ("csv_files", "json", "html_page")
LOADING = {"/nfs/loading": {"stage": ["loading"]}}


@dataclass
class Site:
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: Any) -> Path:
        """Text and bytes as they are, anything else as JSON (which is YAML too)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
        return path

    def with_files(self, files: Mapping[str, Any]) -> Site:
        for name, content in ({"sources_config.json": LOADING} | dict(files)).items():
            self.write(name, content)
        return self

    def load(self, **given: Any) -> Config:
        known = {"kinds": KINDS, "columns": COLUMNS, "outputs": OUTPUTS}
        return config.load(cwd=self.folder, environ=self.environ, **(known | given))

    def error(self, **given: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(**given)
        return caught.value

    def mistakes(self, **given: Any) -> tuple[Mistake, ...]:
        return self.error(**given).mistakes
