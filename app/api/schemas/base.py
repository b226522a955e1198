"""What all shapes share."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Shape(BaseModel):
    """An answer: read from attributes of what the domain returned."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """A request: unknown fields are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Listing(BaseModel, Generic[Item]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem details, as every failure is answered."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list["ProblemField"] = []


class ProblemField(BaseModel):
    """One thing wrong at one place of the request."""

    pointer: str
    code: str
    message: str
