"""What the API responds with. Field names are part of the public interface."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AliasPath, BaseModel, ConfigDict, Field

from gateway.api.queries import Query, QueryText

Item = TypeVar("Item")


class Shape(BaseModel):
    """Created from the attributes of a contract's view."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, view: Any) -> Any:
        return cls.model_validate(view)


# The version of a record that people edit: send it with a change that is based on it.
Version = Annotated[int, Field(validation_alias=AliasPath("edit", "version"))]


class MoneyShape(Shape):
    """`amount` is in minor units (centavos)."""

    amount: int = Field(validation_alias="minor", examples=[150000])
    currency: str = Field(examples=["PHP"])


class PeriodShape(Shape):
    """The days from `start` up to, not including, `end`."""

    start: date
    end: date


class Listing(Shape, Generic[Item]):
    """A page of items. `next` is the cursor for `?after=` that continues it, or null at the end."""

    data: list[Item] = Field(validation_alias="items")
    next: str | None


class FieldProblem(Shape):
    field: str
    message: str


class WarningShape(Shape):
    """`code` goes into `confirm` to accept the warning. `data` has ids and values, such as a `payment_id`."""

    code: str
    message: str
    data: dict[str, str]


class ProblemShape(Shape):
    """An error (RFC 9457). Invalid input has `errors`; a request that needs confirmation has `warnings`."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default_factory=list)
    warnings: list[WarningShape] = Field(default_factory=list)


class Paging(Query):
    """The parameters of every list."""

    limit: int = Field(default=50, ge=1, le=200)
    after: QueryText | None = None
