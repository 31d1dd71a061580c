"""`serves` checks event handlers while the service module is imported."""

from dataclasses import dataclass
from typing import Protocol

import pytest
from contracts.common import Event
from servicekit.events import handlers_of, handles
from servicekit.rpc import ContractMismatch
from servicekit.service import Service, serves
from sqlalchemy.orm import Session

SERVICE_NAME = "kitdesk"


@dataclass(frozen=True, kw_only=True)
class DeskEvent(Event):
    desk: str

    @property
    def subject(self) -> str:
        return self.desk


@dataclass(frozen=True, kw_only=True)
class DeskOpened(DeskEvent, name="kit.desk_opened.v1", consumers=("kitdesk", "kitother")):
    pass


@dataclass(frozen=True, kw_only=True)
class DeskClosed(DeskEvent, name="kit.desk_closed.v1", consumers=("kitdesk",)):
    pass


@dataclass(frozen=True, kw_only=True)
class DeskSold(DeskEvent, name="kit.desk_sold.v1", consumers=("kitother",)):
    pass


class Desk(Protocol):
    pass


class Both:
    """Handles what is sent to kitdesk. Each test adds one mistake."""

    @handles(DeskOpened)
    def on_opened(self, session: Session, event: DeskOpened) -> None: ...

    @handles(DeskClosed)
    def on_closed(self, session: Session, event: DeskClosed) -> None: ...


def test_service_that_handles_exactly_its_events_is_accepted():
    @serves(Desk)
    class DeskService(Both, Service):
        pass

    assert set(handlers_of(DeskService)) == {DeskOpened.name, DeskClosed.name}
    assert handlers_of(DeskService) is handlers_of(DeskService)


def one_for_a_base(self, session: Session, event: DeskEvent) -> None: ...


def one_for_a_union(self, session: Session, event: DeskOpened | DeskClosed) -> None: ...


@pytest.mark.parametrize("function", [one_for_a_base, one_for_a_union])
def test_one_handler_may_take_several_events(function):
    @serves(Desk)
    class DeskService(Service):
        on_change = handles(DeskOpened, DeskClosed)(function)

    assert handlers_of(DeskService)[DeskClosed.name] is function


def test_missing_handler_is_refused_with_what_to_write():
    with pytest.raises(ContractMismatch) as refused:

        @serves(Desk)
        class DeskService(Service):
            on_closed = Both.on_closed

    assert str(refused.value) == (
        "DeskService has no handler for kit.desk_opened.v1, which is sent to kitdesk; add one:\n"
        "    @handles(DeskOpened)\n"
        "    def on_desk_opened(self, session: Session, event: DeskOpened) -> None: ..."
    )


def test_handler_of_an_event_that_is_not_sent_here_is_refused():
    with pytest.raises(ContractMismatch, match=r"on_sold handles kit\.desk_sold\.v1, which is not sent"):

        @serves(Desk)
        class DeskService(Both, Service):
            @handles(DeskSold)
            def on_sold(self, session: Session, event: DeskSold) -> None: ...


def test_two_handlers_of_one_event_are_refused():
    with pytest.raises(
        ContractMismatch, match=r"on_reopened handles kit\.desk_opened\.v1, and so does on_op"
    ):

        @serves(Desk)
        class DeskService(Both, Service):
            @handles(DeskOpened)
            def on_reopened(self, session: Session, event: DeskOpened) -> None: ...


def other_event(self, session: Session, event: DeskClosed) -> None: ...


def no_annotation(self, session, event) -> None: ...


def no_session(self, event: DeskOpened) -> None: ...


def one_more_argument(self, session: Session, event: DeskOpened, now: str) -> None: ...


@pytest.mark.parametrize("function", [other_event, no_annotation, no_session, one_more_argument])
def test_handler_that_does_not_take_its_event_is_refused(function):
    with pytest.raises(ContractMismatch, match=r"must take \(self, session: Session, event: DeskOpened\)"):

        @serves(Desk)
        class DeskService(Both, Service):
            on_opened = handles(DeskOpened)(function)


def test_every_mistake_is_named_at_once():
    with pytest.raises(ContractMismatch) as refused:

        @serves(Desk)
        class DeskService(Service):
            on_sold = handles(DeskSold)(one_for_a_base)

    assert [line for line in str(refused.value).splitlines() if "kit.desk_" in line] == [
        "DeskService.on_sold handles kit.desk_sold.v1, which is not sent to kitdesk: add it to the "
        f"consumers of {DeskSold.__module__}.DeskSold, or remove the handler",
        "DeskService has no handler for kit.desk_closed.v1, which is sent to kitdesk; add one:",
        "DeskService has no handler for kit.desk_opened.v1, which is sent to kitdesk; add one:",
    ]
