"""From outbox to inbox, between two small services: embedded (SQLite) and distributed (PostgreSQL)."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import eventlet
import pytest
from contracts.common import Envelope, Event
from kombu import Connection
from nameko.amqp.publish import Publisher
from nameko.timer import timer
from servicekit import events, inbox, membus, outbox, runner
from servicekit.codec import to_wire
from servicekit.events import handles, queue_of
from servicekit.ids import new_id
from servicekit.logs import correlated, correlation_id
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port
from servicekit.service import Service
from servicekit.settings import EMBEDDED_BUS
from servicekit.tables import InboxMessage, OutboxMessage
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
PAUSES = (timedelta(seconds=0.02), timedelta(seconds=0.04))


@dataclass(frozen=True, kw_only=True)
class ItemSold(Event, name="kit.item_sold.v1", consumers=("kitstock",)):
    item: str

    @property
    def subject(self) -> str:
        return self.item


@dataclass(frozen=True, kw_only=True)
class ItemSeen(Event, name="kit.item_seen.v1", consumers=()):
    item: str

    @property
    def subject(self) -> str:
        return self.item


class Base(DeclarativeBase):
    pass


class Movement(Base):
    """Has no constraint that would hide that an event was handled twice."""

    __tablename__ = "movements"

    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]
    correlation_id: Mapped[str]


FAILURES: dict[str, list[Exception]] = {}


class ShopService(Service):
    name = "kitshop"


class StockService(Service):
    name = "kitstock"

    @timer(interval=0.02)
    def retry_parked_events(self) -> None:
        super().retry_parked_events()

    @handles(ItemSold)
    def on_item_sold(self, session: Session, event: ItemSold) -> None:
        session.add(Movement(item=event.item, correlation_id=correlation_id()))
        session.flush()
        if FAILURES.get(event.item):
            raise FAILURES[event.item].pop()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    FAILURES.clear()
    monkeypatch.setattr(inbox, "PAUSES", PAUSES)
    monkeypatch.setattr(events, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(events, "REQUEUE_PAUSE_SECONDS", 0.05)


@pytest.fixture(params=["membus", "rabbitmq"])
def bus_url(request):
    if request.param == "membus":
        membus.reset()
        yield EMBEDDED_BUS
        membus.reset()
        return
    url = request.getfixturevalue("rabbitmq_vhost")
    with Connection(url) as connection:
        queue = queue_of("kitstock")(connection.default_channel)
        queue.declare()
        queue.purge()
    yield url


@pytest.fixture
def database_urls(bus_url, request, tmp_path, open_database):
    if bus_url == EMBEDDED_BUS:
        urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("kitshop", "kitstock")}
    else:
        make = request.getfixturevalue("make_postgres_database")
        urls = {name: make() for name in ("kitshop", "kitstock")}
    for url in urls.values():
        open_database(url, Base.metadata)
    return urls


@pytest.fixture
def start(database_urls, start):
    """Stopped before the databases are dropped: a running service would connect to them again."""
    return start


@pytest.fixture
def shop(start, database_urls, runtime_of):
    return runtime_of(start(ShopService, database_urls))


@pytest.fixture
def stock(start, database_urls, runtime_of):
    return runtime_of(start(StockService, database_urls))


def sell(runtime, *items, event=ItemSold, now=NOW):
    with runtime.transaction() as session:
        for item in items:
            outbox.add(session, event(item=item), now=now)


def moved(runtime):
    with runtime.reading() as session:
        return sorted(session.scalars(select(Movement.item)))


def parked(runtime):
    with runtime.reading() as session:
        return inbox.counts(session)


def unsent(runtime):
    with runtime.reading() as session:
        return outbox.pending(session)[0]


def publish(bus_url, body):
    """Directly to the consumer's queue, as another program or a newer version might."""
    queue = queue_of("kitstock")
    Publisher(bus_url).publish(body, exchange="", routing_key=queue.name, declare=[queue])


def test_event_has_its_effect_once_with_the_correlation_id_of_its_cause(shop, stock, eventually):
    with correlated("from-the-browser"):
        sell(shop, "modem", "cable")

    eventually(lambda: moved(stock) == ["cable", "modem"] and unsent(shop) == 0)
    with stock.reading() as session:
        assert set(session.scalars(select(Movement.correlation_id))) == {"from-the-browser"}


def test_transaction_that_fails_publishes_nothing(shop, stock, eventually):
    with pytest.raises(KeyError), shop.transaction() as session:
        outbox.add(session, ItemSold(item="ghost"), now=NOW)
        raise KeyError
    sell(shop, "modem")

    eventually(lambda: moved(stock) == ["modem"])


def test_redelivery_changes_nothing(shop, stock, eventually, bus_url):
    sell(shop, "modem")
    eventually(lambda: moved(stock) == ["modem"])
    with shop.transaction() as session:
        assert outbox.replay_recent(session) == 1
        session.info[outbox.MARK] = True
    sell(shop, "cable")

    eventually(lambda: moved(stock) == ["cable", "modem"] and unsent(shop) == 0)
    eventlet.sleep(0.1)
    assert moved(stock) == ["cable", "modem"]


def test_failing_handler_is_retried_without_delaying_others(shop, stock, eventually):
    FAILURES["modem"] = [ValueError("not yet")]
    sell(shop, "modem", "cable")

    eventually(lambda: moved(stock) == ["cable", "modem"])
    with stock.reading() as session:
        message = session.scalars(select(InboxMessage).where(InboxMessage.subject == "modem")).one()
        assert (message.status, message.attempts, message.error) == ("done", 1, None)


def test_pauses_between_retries_of_an_event_grow(shop, stock, eventually, monkeypatch):
    monkeypatch.setattr(inbox, "PAUSES", (timedelta(seconds=0.02), timedelta(hours=1)))
    FAILURES["modem"] = [ValueError("third"), ValueError("second"), ValueError("first")]
    sell(shop, "modem")

    def second_try():
        with stock.reading() as session:
            return session.scalars(select(InboxMessage).where(InboxMessage.attempts == 2)).first()

    message = eventually(second_try)
    assert (message.status, message.error) == ("waiting", "ValueError: second")
    assert message.next_attempt_at - datetime.now(UTC) > timedelta(minutes=59)
    assert moved(stock) == []


def test_event_that_keeps_failing_becomes_a_dead_letter_to_replay(shop, stock, eventually, capsys):
    FAILURES["modem"] = [ValueError("broken since Friday")] * (len(PAUSES) + 1)
    sell(shop, "modem")
    eventually(lambda: parked(stock) == {"dead": 1})
    assert moved(stock) == []

    runner.dead_letters(stock.database, replay=False)
    assert "kit.item_sold.v1  modem" in (listed := capsys.readouterr().out)
    assert "broken since Friday" in listed
    assert parked(stock) == {"dead": 1}

    runner.dead_letters(stock.database, replay=True)
    assert "1 queued to be tried again" in capsys.readouterr().out
    eventually(lambda: moved(stock) == ["modem"] and parked(stock) == {})


def test_unknown_event_becomes_a_dead_letter(shop, stock, eventually, bus_url):
    unknown = Envelope(
        id=new_id(),
        type="kit.invented_later.v1",
        occurred_at=NOW,
        source="kitshop",
        subject="modem",
        correlation_id=new_id(),
        data={},
    )
    publish(bus_url, to_wire(unknown, Envelope))
    sell(shop, "cable")

    eventually(lambda: parked(stock) == {"dead": 1} and moved(stock) == ["cable"])
    with stock.reading() as session:
        assert "no handler for kit.invented_later.v1" in inbox.dead_letters(session)[0].error


@pytest.mark.parametrize("body", [{"type": "kit.item_sold.v1", "subject": "modem"}, ["nonsense"]], ids=str)
def test_message_that_is_not_an_event_becomes_a_dead_letter(shop, stock, eventually, bus_url, body):
    publish(bus_url, body)
    sell(shop, "cable")
    eventually(lambda: parked(stock) == {"dead": 1} and moved(stock) == ["cable"])

    with stock.transaction() as session:
        assert inbox.replay_dead_letters(session) == 1
    eventually(lambda: parked(stock) == {"dead": 1})


def test_event_with_unreadable_data_becomes_a_dead_letter(stock, eventually, bus_url):
    wrong = Envelope(
        id=new_id(),
        type=ItemSold.name,
        occurred_at=NOW,
        source="kitshop",
        subject="modem",
        correlation_id=new_id(),
        data={"item": 7},
    )
    publish(bus_url, to_wire(wrong, Envelope))

    eventually(lambda: parked(stock) == {"dead": 1})


def test_event_waits_for_a_consumer_that_was_never_started(
    shop, start, database_urls, runtime_of, eventually
):
    sell(shop, "modem")
    eventually(lambda: unsent(shop) == 0)

    stock = runtime_of(start(StockService, database_urls))
    eventually(lambda: moved(stock) == ["modem"])


def test_event_without_consumers_is_sent_to_nobody(shop, eventually):
    sell(shop, "modem", event=ItemSeen)

    eventually(lambda: unsent(shop) == 0)


def test_events_of_another_process_are_sent_whatever_the_business_time(
    shop, stock, eventually, database_urls, open_database
):
    job = open_database(database_urls["kitshop"])
    sell(job, "modem", now=datetime.now(UTC) + timedelta(days=60))
    sell(job, "cable", now=datetime.now(UTC) - timedelta(days=60))

    eventually(lambda: moved(stock) == ["cable", "modem"])


def test_outbox_message_of_an_unknown_type_is_kept_and_blocks_nothing(shop, stock, eventually):
    with shop.transaction() as session:
        session.add(
            OutboxMessage(
                id=new_id(),
                type="kit.invented_later.v1",
                subject="modem",
                correlation_id="x",
                occurred_at=NOW,
                data="{}",
            )
        )
    sell(shop, "cable")

    eventually(lambda: moved(stock) == ["cable"])
    assert unsent(shop) == 1


def test_event_is_redelivered_after_an_outage_of_the_database(shop, stock, eventually, monkeypatch):
    tried = []

    def gone():
        tried.append(1)
        raise OperationalError("begin", None, Exception("server closed the connection"))

    with monkeypatch.context() as away:
        away.setattr(stock.database, "transaction", gone)
        sell(shop, "modem")
        eventually(lambda: len(tried) > 4)
    eventually(lambda: moved(stock) == ["modem"])
    eventlet.sleep(0.1)
    assert moved(stock) == ["modem"]


def test_messages_before_one_that_cannot_be_published_count_as_sent(shop, stock, eventually, monkeypatch):
    publish_once = events.OutboxRelay._publish
    refused = []

    def refuse(relay, message, service):
        if message.subject == "modem" and len(refused) < 3:
            refused.append(1)
            raise OSError("the bus is away")
        publish_once(relay, message, service)

    monkeypatch.setattr(events.OutboxRelay, "_publish", refuse)
    sell(shop, "cable", "modem")

    eventually(lambda: moved(stock) == ["cable", "modem"])
    with stock.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboxMessage)) == 2


def test_two_replicas_handle_an_event_once(shop, stock, start, database_urls, eventually):
    start(StockService, database_urls)
    items = [f"item-{number:02}" for number in range(40)]
    sell(shop, *items)

    eventually(lambda: len(moved(stock)) >= len(items) and unsent(shop) == 0)
    eventlet.sleep(0.05)
    assert moved(stock) == items


def test_upkeep_deletes_old_handled_messages(shop, stock, eventually, monkeypatch):
    sell(shop, "modem", "cable")
    eventually(lambda: moved(stock) == ["cable", "modem"] and unsent(shop) == 0)
    old = datetime.now(UTC) - timedelta(days=31)
    with shop.transaction() as session:
        session.execute(update(OutboxMessage).values(sent_at=old))
    with stock.transaction() as session:
        session.execute(update(InboxMessage).values(received_at=old))

    for service_class, runtime in ((ShopService, shop), (StockService, stock)):
        service = service_class()
        service.runtime = runtime
        service.upkeep()
    with shop.reading() as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
    with stock.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboxMessage)) == 0


@pytest.mark.parametrize("bus_url", ["membus"], indirect=True)
def test_embedded_start_sends_lost_events_again_without_a_second_effect(
    start, database_urls, runtime_of, eventually
):
    first = start(StockService, database_urls)
    shop = start(ShopService, database_urls)
    sell(runtime_of(shop), "modem")
    eventually(lambda: moved(runtime_of(first)) == ["modem"] and unsent(runtime_of(shop)) == 0)
    first.kill()
    sell(runtime_of(shop), "cable")  # confirmed by the bus, then the process dies
    eventually(lambda: unsent(runtime_of(shop)) == 0)
    shop.kill()
    membus.reset()

    again = runtime_of(start(StockService, database_urls))
    start(ShopService, database_urls)
    eventually(lambda: moved(again) == ["cable", "modem"])
    eventlet.sleep(0.1)
    assert moved(again) == ["cable", "modem"]


@pytest.mark.parametrize("bus_url", ["membus"], indirect=True)
def test_publishing_a_long_backlog_lets_other_greenthreads_run(shop, eventually):
    sell(shop, *(str(number) for number in range(2000)))
    gaps, last = [], time.monotonic()
    while unsent(shop):
        eventlet.sleep(0)
        gaps.append(time.monotonic() - last)
        last = time.monotonic()

    assert len(gaps) > 9  # at least once per batch of 200
    assert max(gaps) < 0.5


BACKLOG = 40_000


def test_reading_from_a_huge_backlog_is_fast(database):
    with database.transaction() as session:
        rows = [
            {
                "id": new_id(),
                "type": ItemSold.name,
                "subject": "x",
                "correlation_id": "x",
                "occurred_at": NOW,
                "data": '{"item":"x"}',
            }
            for _ in range(BACKLOG)
        ]
        session.execute(OutboxMessage.__table__.insert(), rows)

    def seconds(look):
        started = time.monotonic()
        with database.reading() as session:
            look(session)
        return time.monotonic() - started

    def batch(session):
        assert len(outbox.unsent(session, limit=200, older_than=datetime.now(UTC))) == 200

    def pending(session):
        count, age = outbox.pending(session)
        assert count == BACKLOG
        assert 0 < age < 60

    assert min(seconds(batch) for _ in range(10)) < 0.04
    assert min(seconds(pending) for _ in range(10)) < 0.12


@pytest.fixture
def own_rabbitmq(rabbitmq, server_directory):
    """A node that the test may stop."""
    node = PrivateRabbitMQ(server_directory("rabbitmq-own"), find_rabbitmq_port())
    node.start()
    yield node
    node.stop()


@pytest.mark.parametrize("bus_url", ["membus"], indirect=True)
def test_outage_of_the_broker_loses_no_event_and_delays_no_answer(
    own_rabbitmq, start, transport_on, database_urls, runtime_of, eventually
):
    url = own_rabbitmq.url
    on_rabbitmq = {"AMQP_URI": url}
    shop = runtime_of(start(ShopService, database_urls, on_rabbitmq))
    stock = runtime_of(start(StockService, database_urls, on_rabbitmq))
    call = transport_on(url)
    assert call("kitstock", "ping", {"args": {}}, 5) == {"ok": {"database": "ok"}}
    sell(shop, "modem")
    eventually(lambda: moved(stock) == ["modem"])

    own_rabbitmq.stop()
    sell(shop, "cable")
    started = time.monotonic()
    with pytest.raises(Exception, match="message bus isn't responding"):
        call("kitstock", "ping", {"args": {}}, 0.5)
    assert time.monotonic() - started < 1.5
    own_rabbitmq.start()

    eventually(lambda: moved(stock) == ["cable", "modem"] and unsent(shop) == 0, seconds=20)
    assert call("kitstock", "ping", {"args": {}}, 10) == {"ok": {"database": "ok"}}
