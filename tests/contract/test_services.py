"""Both ends of every contract: RPC methods are served, and events are published and handled."""

import ast
import importlib
from pathlib import Path

import pytest
from billing_svc.service import BillingService
from contracts.common import ContractError, Event
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from nameko.rpc import Rpc
from payment_svc.service import PaymentService
from radius_svc.service import RadiusService
from router_svc.service import RouterService
from servicekit.events import handlers_of
from servicekit.rpc import methods_of
from servicekit.schemas import MODULES, protocol_of
from subscriber_svc.service import SubscriberService

REPOSITORY = Path(__file__).parents[2]
SERVICES = (SubscriberService, BillingService, PaymentService, RadiusService, RouterService)
EVENTS = [event for event in Event.known.values() if event.__module__.startswith("contracts.")]
OF_THE_KIT = {"ping"}


def service_name(service):
    return service.name


def event_name(event):
    return event.name


def rpc_methods_of(service):
    return {
        name
        for name in dir(service)
        if any(
            isinstance(found, Rpc)
            for found in getattr(getattr(service, name), ENTRYPOINT_EXTENSIONS_ATTR, ())
        )
    }


def test_every_contract_has_a_service():
    assert sorted(service.name for service in SERVICES) == sorted(MODULES)


@pytest.mark.parametrize("service", SERVICES, ids=service_name)
def test_service_exposes_exactly_its_protocol(service):
    assert rpc_methods_of(service) == set(methods_of(protocol_of(service.name))) | OF_THE_KIT


@pytest.mark.parametrize("service", SERVICES, ids=service_name)
def test_service_handles_exactly_the_events_sent_to_it(service):
    sent_here = {event.name for event in EVENTS if service.name in event.consumers}

    assert set(handlers_of(service)) == sent_here


@pytest.mark.parametrize("event", EVENTS, ids=event_name)
def test_every_event_is_published_by_its_owner_and_handled(event):
    owner = importlib.import_module(event.__module__).SERVICE_NAME
    usecases = REPOSITORY / "services" / f"{owner}-svc" / "src" / f"{owner}_svc" / "usecases"
    named = {
        node.id
        for path in usecases.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
    }

    assert event.__name__ in named, f"no use case of {owner}-svc says {event.name}"
    assert event.consumers, f"nobody listens to {event.name}"
    assert set(event.consumers) <= set(MODULES)
    assert event.name.endswith(".v1")


def test_every_error_has_its_own_code():
    codes = {error.code for error in ContractError.known.values()}

    assert codes == set(ContractError.known)
    assert "error" not in codes
