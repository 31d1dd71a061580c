"""What the API answers with. Field names are part of the public interface."""

from __future__ import annotations

from datetime import date
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.queries import Query, QueryText

Item = TypeVar("Item")


class Shape(BaseModel):
    """Made from a contract's view by its attributes."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, view: Any) -> Any:
        return cls.model_validate(view)


class MoneyShape(Shape):
    """`amount` is in minor units (centavos)."""

    amount: int = Field(validation_alias="minor", examples=[150000])
    currency: str = Field(examples=["PHP"])


class PeriodShape(Shape):
    """The days from `start` up to, not including, `end`."""

    start: date
    end: date


class Listing(Shape, Generic[Item]):
    """Some items, and the cursor for `?after=` that continues them (null at the end)."""

    data: list[Item] = Field(validation_alias="items")
    next: str | None


class FieldProblem(Shape):
    field: str
    message: str


class ProblemShape(Shape):
    """RFC 9457. `errors` is there for bad input."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default_factory=list)


class Paging(Query):
    """What every list takes."""

    limit: int = Field(default=50, ge=1, le=200)
    after: QueryText | None = None
