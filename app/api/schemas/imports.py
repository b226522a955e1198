"""Shapes of imports: what a file's columns are, and what was taken in."""

from datetime import datetime
from uuid import UUID

from app.api.schemas.base import Shape
from app.domain.needs.import_columns import Columns
from app.domain.needs.import_undoing import may_be_undone_until
from app.models.imports import ImportRun


class ColumnShape(Shape):
    """One column of a file: how full it is, and which of ours it seems to be."""

    name: str
    filled_percent: int
    samples: list[str]
    suggestion: str | None


class ColumnsShape(Shape):
    """What a file looks like before it is imported."""

    rows: int
    columns: list[ColumnShape]
    ours: list[str]

    @classmethod
    def of(cls, found: Columns, ours: tuple[str, ...]) -> "ColumnsShape":
        """Show a file's columns beside the names that they can be given."""
        shown = [ColumnShape.model_validate(column) for column in found.columns]
        return cls(rows=found.rows, columns=shown, ours=list(ours))


class ImportShape(Shape):
    """A file that was taken in, and until when it can be taken back."""

    id: UUID
    organisation_id: UUID | None
    file_name: str
    counts: dict[str, int]
    created_at: datetime
    undone_at: datetime | None
    undo_until: datetime | None

    @classmethod
    def of(cls, run: ImportRun) -> "ImportShape":
        """Show an import."""
        return cls(
            id=run.id,
            organisation_id=run.organisation_id,
            file_name=run.file_name,
            counts=run.counts,
            created_at=run.created_at,
            undone_at=run.undone_at,
            undo_until=may_be_undone_until(run),
        )
