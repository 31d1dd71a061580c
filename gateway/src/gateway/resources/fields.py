"""The types of input fields, for JSON and for forms. They check the shape; the services check the meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any

from contracts.common import FieldError
from contracts.money import DEFAULT_CURRENCY, MAX_MINOR, Money
from contracts.pricing import DiscountKind
from contracts.subscriber import MAX_KBPS, MAX_SESSIONS
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from gateway.clients.context import current
from gateway.display.typed import (
    local_time_as_typed,
    parse_date,
    parse_local_time,
    parse_pesos,
    parse_speed,
    parse_whole_number,
    percent_hundredths,
    pesos_as_typed,
    speed_as_typed,
)

MONEY_HELP = 'write whole centavos, 150000 or {"amount": 150000, "currency": "PHP"} for 1,500.00'


# The fields that all commands have in common: see http.idempotency.by_operator.
Origin = dict[str, Any]


# Forms are read into the same inputs: see resources.forms.
class Input(BaseModel):
    """A request body. Unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """The fields that the caller wrote, by name: a PATCH changes only those."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}

    @classmethod
    def written(cls, texts: dict[str, str]) -> dict[str, str] | None:
        """The texts of this input inside another one's form; None if it is left blank altogether."""
        return texts if any(text.strip() for text in texts.values()) else None

    @classmethod
    def texts_of(cls, _view: Any) -> dict[str, str]:
        """Texts that a form writes in another way than field by field. Replaces those of the fields."""
        return {}

    def emptied(self, *names: str) -> tuple[str, ...]:
        """The named fields that the caller wrote as null, for the `clear` of a command."""
        return tuple(name for name in names if name in self.model_fields_set and getattr(self, name) is None)


def _confirmed_codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def left_out() -> Any:
    """The default of a field that may be left out but not be null; a factory stays out of the schema."""
    return


def optional() -> Any:
    return Field(default_factory=left_out)


@dataclass(frozen=True)
class Typed:
    """How people write a field in a form.

    `read` returns what a JSON body would have for the text; its ValueError says what to write instead.
    `write` returns the text for a value. A field with `keeps_if_blank` that is left blank was not written.
    """

    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str
    keeps_if_blank: bool = False


def refuse(code: str, message: str) -> PydanticCustomError:
    # pydantic treats the message as a template, so braces in it are escaped.
    return PydanticCustomError(code, "{message}", {"message": message})


def field_errors(error: ValidationError) -> list[FieldError]:
    """What is wrong, with fields named as the caller wrote them."""
    return [
        FieldError(".".join(str(part) for part in wrong["loc"]) or "body", _message(wrong))
        for wrong in error.errors(include_url=False, include_input=False)
    ]


def _message(wrong: Any) -> str:
    limits = wrong.get("ctx", {})
    own = {
        "missing": "is required",
        "string_too_short": "must not be empty",
        "string_too_long": f"must be at most {limits.get('max_length')} characters long",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "less_than_equal": f"must be at most {limits.get('le')}",
        "extra_forbidden": "is not a known field; remove it",
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "string_type": "must be text",
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
    }
    return own.get(wrong["type"]) or wrong["msg"][:1].lower() + wrong["msg"][1:]


def plain_text(value: str) -> str:
    for character in value:
        if (ord(character) < 32 and character not in "\n\r\t") or ord(character) == 127:
            raise refuse("control_character", f"must not contain the control character {character!r}")
        if 0xD800 <= ord(character) < 0xE000:
            raise refuse("surrogate", "must be valid Unicode text")
    return value


def _one_line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise refuse("line_break", "must be one line")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise refuse("empty", "must not be empty")
    return value


def _money(value: Any) -> Money:
    currency = DEFAULT_CURRENCY
    if isinstance(value, dict):
        unknown = set(value) - {"amount", "currency"}
        if unknown or "amount" not in value:
            raise refuse("money", f"must have the fields amount and currency; {MONEY_HELP}")
        currency = value.get("currency", DEFAULT_CURRENCY)
        value = value["amount"]
    if currency != DEFAULT_CURRENCY:
        raise refuse("money", f"must be in {DEFAULT_CURRENCY}")
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse("money", f"must be an amount; {MONEY_HELP}")
    if value < 0:
        raise refuse("money", f"must not be negative; {MONEY_HELP}")
    if value > MAX_MINOR:
        raise refuse("money", "is too large")
    return Money(value, currency)


def _discount_value(value: Any, info: ValidationInfo) -> int:
    kind = info.data.get("kind")
    if kind is DiscountKind.PERCENT:
        try:
            return percent_hundredths(value)
        except ValueError as error:
            raise refuse("percent", str(error)) from None
    return _money(value).minor


def _as_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # at the ends of the calendar, the same instant in UTC may be in no year
        raise refuse("moment", "must be between 2000-01-01 and 2099-12-31") from None


def _sane_date(value: date) -> date:
    if not date(2000, 1, 1) <= value <= date(2099, 12, 31):
        raise refuse("date", "must be between 2000-01-01 and 2099-12-31")
    return value


def _moment(value: Any) -> Any:
    """An instant, or the end of a date in the ISP's time zone."""
    if not isinstance(value, str):
        return value
    try:
        if len(value) > len("2026-11-23"):
            return datetime.fromisoformat(value)
        end_of_day = _sane_date(date.fromisoformat(value)) + timedelta(days=1)
    except ValueError:
        raise refuse("moment", "must be a date, or a time such as 2026-11-23T14:30:00+08:00") from None
    return datetime.combine(end_of_day, time(), current().settings.time_zone)


def one_of(enum: type[StrEnum]) -> BeforeValidator:
    """A field that takes the values of `enum`; its error message lists them."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and value not in set(enum):
            raise refuse("choice", "must be one of " + ", ".join(member.value for member in enum))
        return enum(value) if isinstance(value, str) else value

    return BeforeValidator(check)


def _percent_or_pesos(text: str) -> str | int:
    """`10%` or `12.5%` is a percentage, anything else an amount."""
    if not text.endswith("%"):
        return parse_pesos(text).minor
    percent = text[:-1].strip()
    try:
        percent_hundredths(percent)
    except ValueError:
        raise ValueError("must be a percentage, such as 10% or 12.5%") from None
    return percent


Text = Annotated[str, Field(max_length=200), AfterValidator(plain_text), AfterValidator(_one_line)]
Name = Annotated[Text, AfterValidator(_filled)]
Trimmed = Annotated[Text, Typed(str.strip)]
# A form does not show the stored secret, and keeps it if nothing is typed.
Secret = Annotated[Text, Typed(keeps_if_blank=True)]
LongText = Annotated[str, Field(max_length=4000), AfterValidator(plain_text)]
Identifier = Annotated[Text, Field(min_length=1, max_length=100)]
Number = Annotated[int, Typed(parse_whole_number)]
Kbps = Annotated[int, Field(ge=1, le=MAX_KBPS, examples=[50000]), Typed(parse_speed, speed_as_typed)]
Port = Annotated[Number, Field(ge=1, le=65535)]
SessionLimit = Annotated[Number, Field(ge=1, le=MAX_SESSIONS)]
Days = Annotated[Number, Field(ge=0, le=10_000)]
Day = Annotated[date, AfterValidator(_sane_date), Typed(parse_date)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    AfterValidator(_as_utc),
    Typed(
        lambda text: parse_local_time(text, current().settings.time_zone),
        lambda instant: local_time_as_typed(instant, current().settings.time_zone),
    ),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "An instant with its time zone, or a date, which means its end in the ISP's zone.",
        }
    ),
]
MoneyInput = Annotated[
    Money,
    PlainValidator(_money),
    Typed(lambda text: parse_pesos(text).minor, pesos_as_typed),
    WithJsonSchema(
        {
            "description": "Minor units (centavos); a bare integer is read as PHP.",
            "examples": [{"amount": 150000, "currency": DEFAULT_CURRENCY}],
            "oneOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "object",
                    "properties": {
                        "amount": {"type": "integer", "minimum": 0},
                        "currency": {"type": "string", "const": DEFAULT_CURRENCY},
                    },
                    "required": ["amount"],
                    "additionalProperties": False,
                },
            ],
        }
    ),
]
DiscountValue = Annotated[
    int,
    PlainValidator(_discount_value),
    Typed(_percent_or_pesos),
    WithJsonSchema(
        {
            "description": 'Minor units for an amount; 10 or "12.5" for a percent.',
            "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
        }
    ),
]
WarningCode = Annotated[str, Field(max_length=100, pattern="^[a-z0-9_]+$")]
# A form writes the codes into one hidden field, separated by spaces: see admin.forms.
Confirm = Annotated[
    tuple[WarningCode, ...],
    Field(
        max_length=50, description="Codes of the warnings to accept, from a response that needs confirmation."
    ),
    Typed(_confirmed_codes, " ".join),
]


class Confirmable(Input):
    """The input of a command that can need confirmation. Pass `confirm` on to the command."""

    confirm: Confirm = ()
