"""Shapes of saved searches."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Body, Shape
from app.domain.feeds.composing import address_of
from app.models.feeds import Often, SavedSearch, SearchFilters


class SavedSearchShape(Shape):
    """A search that one saved."""

    id: UUID
    filters: SearchFilters
    often: Often
    created_at: datetime
    version: int
    href: str = Field(description="The page of what fits it now; its feeds take the same query.")

    @classmethod
    def of(cls, search: SavedSearch) -> "SavedSearchShape":
        """Show a search."""
        return cls(
            id=search.id,
            filters=SearchFilters.model_validate(search.filters),
            often=search.often,
            created_at=search.created_at,
            version=search.version,
            href=address_of(search),
        )


class SavedSearchChange(Body):
    """How often one wants to hear of a search."""

    often: Often
