"""The base of query parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.resources.fields import plain_text


class Query(BaseModel):
    """Query parameters. They are text, so types are converted here."""

    model_config = ConfigDict(extra="forbid")


QueryText = Annotated[str, Field(max_length=200), AfterValidator(plain_text)]
