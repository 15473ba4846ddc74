"""What every catalogue may be told beside how it is fetched."""

from __future__ import annotations

from pydantic import Field

from app.sources.fetch import FetchOptions


class CatalogueOptions(FetchOptions):
    tracked: int | None = Field(None, ge=0, description="how many of its datasets the overview shows; 0: none")
