"""Shapes of files."""

from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Body, Shape
from app.models.files import File


class FileTarget(Body):
    """Where a file goes: onto a need, or to the thread of a claim."""

    need_id: UUID | None = Field(None, description="The need that it is attached to.")
    claim_id: UUID | None = Field(None, description="The claim in whose thread it is sent.")


class FileShape(Shape):
    """A file; `url` gives its bytes to whoever may read what it is attached to."""

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    alt: str
    width: int | None
    height: int | None
    url: str
    shown: bool
    created_at: datetime

    @classmethod
    def of(cls, file: File) -> "FileShape":
        """Shape a file; pictures are shown, all else is only saved."""
        plain = {name: getattr(file, name) for name in cls.model_fields if hasattr(file, name)}
        shown = file.media_type.startswith("image/")
        return cls(**plain, url=f"/files/{file.id}/{quote(file.name)}", shown=shown)
