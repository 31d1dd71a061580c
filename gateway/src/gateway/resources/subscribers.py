"""Subscribers: the input to add or change one."""

from __future__ import annotations

from contracts.subscriber import ChangeSubscriber, CreateSubscriber, SubscriberView
from contracts.subscriber_lists import SubscriberOrder, SubscriberQuery

from gateway.resources.edits import EditInput, texts_of
from gateway.resources.fields import Confirmable, LongText, Name, Origin, Text, optional
from gateway.resources.services import ServiceInput

# What only operators who may see money can filter and sort by.
MONEY_ORDERS = (SubscriberOrder.BALANCE, SubscriberOrder.BALANCE_DESCENDING, SubscriberOrder.OLDEST_DUE)


def asks_for_money(query: SubscriberQuery) -> bool:
    """Whether the list shows who owes what, even if the amounts are left out."""
    return query.money is not None or query.order in MONEY_ORDERS


class NewSubscriber(Confirmable):
    """With `service`, both are created, or neither."""

    full_name: Name
    email: Text = ""
    phone: Text = ""
    address: LongText = ""
    area: Text = ""
    notes: LongText = ""
    service: ServiceInput | None = None

    def command(self, origin: Origin) -> CreateSubscriber:
        service = self.service.as_new_service() if self.service else None
        return CreateSubscriber(**dict(self) | {"service": service}, **origin)


class SubscriberChange(EditInput):
    full_name: Name = optional()
    email: Text = optional()
    phone: Text = optional()
    address: LongText = optional()
    area: Text = optional()
    notes: LongText = optional()

    def command(self, subscriber_id: str, origin: Origin) -> ChangeSubscriber:
        return ChangeSubscriber(subscriber_id=subscriber_id, **self.given(), **origin)

    @staticmethod
    def texts(subscriber: SubscriberView) -> dict[str, str]:
        """The fields of a subscriber as their form shows them."""
        return texts_of(SubscriberChange, subscriber)
