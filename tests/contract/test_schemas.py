"""The wire format: the committed JSON Schemas, and every shape survives a round trip."""

import dataclasses
import importlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from contracts.common import BillingPeriod, Envelope, Event, FieldError, Page
from contracts.money import Money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servicekit.codec import from_json, from_wire, to_json, to_wire
from servicekit.schemas import MODULES, committed_schema, differences, schema_of

HOW_TO_FIX = "if this is intended, run: python -m servicekit.schemas write"

instants = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants its bounds naive
    max_value=datetime(2500, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)
st.register_type_strategy(datetime, instants)
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(
    Page,
    lambda page: st.builds(Page, st.lists(st.from_type(page.__args__[0]), max_size=3), st.none() | st.text()),
)
st.register_type_strategy(Money, st.builds(Money, st.integers(-(10**12), 10**12), st.just("PHP")))

SHAPES = [Money, BillingPeriod, FieldError] + [
    shape
    for name in (*MODULES, "receivables")
    for shape in vars(importlib.import_module(f"contracts.{name}")).values()
    if dataclasses.is_dataclass(shape) and shape.__module__ == f"contracts.{name}"
]


@pytest.mark.parametrize("module", MODULES)
def test_committed_schema_matches_the_code(module):
    current = json.loads(json.dumps(schema_of(module)))
    changed = [
        f"contracts/schemas/{module}.json{change}"
        for change in differences(committed_schema(module), current)
    ]

    assert not changed, "\n".join([*changed, HOW_TO_FIX])


def test_schema_difference_names_the_field():
    was = {"$defs": {"PlanView": {"properties": {"price": {"type": "integer"}}}}}
    now = {"$defs": {"PlanView": {"properties": {"price": {"type": "string"}}}}}

    assert differences(was, now) == ['/$defs/PlanView/properties/price/type: was "integer", is "string"']
    assert differences(was, was) == []


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.__module__}.{shape.__name__}")
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_every_shape_survives_a_round_trip(shape, data):
    value = data.draw(st.from_type(shape))

    assert from_wire(to_wire(value, shape), shape) == value
    assert from_json(to_json(value, shape), shape) == value


EVENTS = [event for event in Event.known.values() if event.__module__.startswith("contracts.")]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_every_event_survives_a_round_trip_in_its_envelope(event, data):
    said: Any = data.draw(st.from_type(event))
    envelope = Envelope(
        id="1",
        type=event.name,
        occurred_at=datetime(2026, 11, 23, tzinfo=UTC),
        source="test",
        subject=said.subject,
        correlation_id="2",
        data=to_wire(said, event),
    )
    arrived = from_wire(json.loads(json.dumps(to_wire(envelope, Envelope))), Envelope)

    assert arrived == envelope
    assert from_wire(arrived.data, Event.known[arrived.type]) == said
