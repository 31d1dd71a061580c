"""What `serves` refuses at import, and what `client` does without a bus."""

from dataclasses import dataclass
from typing import Protocol

import pytest
from contracts.common import Command, ContractError, FieldError, InvalidInput
from servicekit.codec import WireError
from servicekit.rpc import ContractMismatch, ServiceFault, client
from servicekit.service import serves

SERVICE_NAME = "shop"


@dataclass(frozen=True, kw_only=True)
class Order(Command):
    item: str
    count: int = 1


class Shop(Protocol):
    def order(self, command: Order) -> list[str]: ...

    def find_order(self, item: str, limit: int = 10) -> str | None: ...


def test_class_with_every_method_serves_the_protocol():
    @serves(Shop)
    class ShopService:
        def order(self, command: Order) -> list[str]:
            return [command.item]

        def find_order(self, item: str, limit: int = 10) -> str | None:
            return item

    assert ShopService.name == "shop"
    assert all(hasattr(getattr(ShopService, name), "nameko_entrypoints") for name in ("order", "find_order"))


def test_missing_method_is_refused():
    with pytest.raises(ContractMismatch, match=r"ShopService lacks Shop\.find_order"):

        @serves(Shop)
        class ShopService:
            def order(self, command: Order) -> list[str]: ...


def drifted_parameter(self, item: int, limit: int = 10) -> str | None: ...


def drifted_result(self, item: str, limit: int = 10) -> str: ...


def renamed_parameter(self, name: str, limit: int = 10) -> str | None: ...


def additional_parameter(self, item: str, limit: int = 10, after: str = "") -> str | None: ...


@pytest.mark.parametrize(
    "drifted", [drifted_parameter, drifted_result, renamed_parameter, additional_parameter]
)
def test_signature_that_differs_from_the_protocol_is_refused(drifted):
    with pytest.raises(ContractMismatch, match="find_order"):

        @serves(Shop)
        class ShopService:
            find_order = drifted

            def order(self, command: Order) -> list[str]: ...


@pytest.fixture
def calls():
    return []


@pytest.fixture
def shop(calls):
    def transport(service, method, request, deadline):
        calls.append((service, method, request["args"], deadline))
        return {"ok": request["args"].get("item", ["ok"])}

    return client(Shop, transport, deadline=3)


def test_call_sends_encoded_arguments_with_defaults(shop, calls):
    assert shop.find_order("modem") == "modem"
    assert calls == [("shop", "find_order", {"item": "modem", "limit": 10}, 3)]


def test_call_with_a_wrong_argument_is_not_sent(shop, calls):
    with pytest.raises(WireError):
        shop.find_order("modem", limit=1.5)
    with pytest.raises(TypeError):
        shop.find_order()
    assert calls == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"ok": 7}, ServiceFault),
        ({"error": {"code": "fault", "message": "x"}}, ServiceFault),
        ({"error": {"code": "invented_later", "message": "x"}}, ServiceFault),
        ({"error": {"code": "invalid_input", "message": "x"}}, InvalidInput),
    ],
)
def test_answer_that_is_not_a_result_is_raised(answer, error):
    with pytest.raises(error):
        client(Shop, lambda *_: answer).find_order("modem")


def test_error_arrives_with_its_fields():
    wrong = {"code": "invalid_input", "message": "two mistakes", "errors": [{"field": "a", "message": "b"}]}
    with pytest.raises(InvalidInput) as raised:
        client(Shop, lambda *_: {"error": wrong}).find_order("modem")

    assert (raised.value.message, raised.value.errors) == ("two mistakes", [FieldError("a", "b")])


def test_error_code_cannot_be_used_twice():
    with pytest.raises(TypeError, match="used twice"):

        class Another(ContractError, code="not_found"):
            pass
