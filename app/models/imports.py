"""Tables of imports: what each took in, so that it can be taken back for a week."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from app.models.base import created, data, moment, texts


class ImportRun(SQLModel, table=True):
    """One file that was taken in."""

    __tablename__ = "import_runs"

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = Field(
        default=None, foreign_key="accounts.id", ondelete="SET NULL", index=True
    )
    organisation_id: UUID | None = Field(
        default=None, foreign_key="organisations.id", ondelete="CASCADE", index=True
    )
    file_name: str = Field(default="", max_length=200)
    counts: dict[str, int] = data(default_factory=dict)
    new_organisations: list[str] = texts()
    created_at: datetime = created()
    undone_at: datetime | None = moment(default=None, nullable=True)


class ImportChange(SQLModel, table=True):
    """What an import did to one need: what it said before (nothing: it is new), and after."""

    __tablename__ = "import_changes"

    run_id: UUID = Field(primary_key=True, foreign_key="import_runs.id", ondelete="CASCADE")
    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    before: dict[str, Any] | None = data(default=None, nullable=True)
    after_hash: bytes = Field(sa_type=LargeBinary)
