"""What all tables share: names of constraints, column kinds, text as we accept it.

Tables do not validate (SQLModel skips validation for `table=True`): what comes from outside
goes through a `<Noun>Fields` class first.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, StringConstraints
from sqlalchemy import DateTime, Enum, MetaData, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from app.infra import clock

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"

# Only its alphabet; rules.py says whether the zone exists.
TimeZone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,60}$")]


def _printable(text: str) -> str:
    bad = [c for c in text if (ord(c) < 32 and c not in "\n\t") or "\ud800" <= c <= "\udfff"]
    if bad:
        message = "holds a character that no text may hold"
        raise ValueError(message)
    return text


# Turn the reading direction of what follows, or are not there to be seen: with them a name
# can be made to look like another one. Joiners stay: some scripts are spelled with them.
_UNSEEN = re.compile("[\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def one_line(text: str) -> str:
    """Return a text as one line of what can be seen, spaces made one."""
    return " ".join(_UNSEEN.sub("", text).split())


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Fields(SQLModel):
    """What comes from outside: unknown names are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)  # type: ignore[assignment]


Text = Annotated[str, AfterValidator(_unix_lines), AfterValidator(_printable)]
Line = Annotated[str, AfterValidator(one_line), AfterValidator(_printable)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN, max_length=35)]
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, max_length=60)]
Tag = Annotated[Line, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
# The hours of each day of a week, Monday first; None where it is not said.
WeekHours = Annotated[
    list[Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=24)]],
    Field(min_length=7, max_length=7),
]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 366)]


def moment(**kwargs: Any) -> Any:
    """A UTC moment column."""
    return Field(sa_type=DateTime(timezone=True), **kwargs)


def created() -> Any:
    """A moment column that is filled with now."""
    return moment(default_factory=clock.now)


def choice(kind: type[StrEnum], **kwargs: Any) -> Any:
    """An enum column: the values as text, under a CHECK, no database type to migrate."""
    column = Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=kwargs.pop("name"),
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(sa_type=column, **kwargs)


def texts(**kwargs: Any) -> Any:
    """A column of several short texts."""
    return Field(default_factory=list, sa_type=ARRAY(String), **kwargs)


def data(**kwargs: Any) -> Any:
    """A JSON column; replace its value whole, in-place edits are not seen."""
    return Field(sa_type=JSONB, **kwargs)


__all__ = [
    "UUID", "Fields", "Language", "Line", "Minutes", "Slug", "Tag", "Text", "choice", "created",
    "data", "datetime", "metadata", "moment", "texts",
]  # fmt: skip
