from collections import Counter

import eventlet
import pytest
from amqp.exceptions import NotFound
from eventlet.event import Event
from kombu import Exchange
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.events import BROADCAST, SINGLETON, EventHandler, event_handler
from nameko.rpc import rpc
from nameko.standalone.events import event_dispatcher

WORKERS = 3


@pytest.fixture
def source(unique):
    """The service that publishes the events. It need not run."""
    return unique("source")


@pytest.fixture
def handled():
    """What was handled: pairs of handler and event."""
    return []


def test_each_handler_of_each_service_gets_an_event_once(
    start, dispatch, source, unique, handled, eventually
):
    class First:
        name = unique("first")

        @event_handler(source, "happened")
        def one(self, event):
            handled.append(("first.one", event))

        @event_handler(source, "happened")
        def two(self, event):
            handled.append(("first.two", event))

    class Second:
        name = unique("second")

        @event_handler(source, "happened")
        def one(self, event):
            handled.append(("second.one", event))

    for service in (First, First, Second):
        start(service)
    for number in range(20):
        dispatch(source, "happened", number)

    everything = {(handler, n): 1 for handler in ("first.one", "first.two", "second.one") for n in range(20)}
    eventually(lambda: Counter(handled) == everything)


def test_requeue_on_error_retries_only_the_failing_handler(
    start, dispatch, source, unique, handled, eventually
):
    class Failing:
        name = unique("failing")

        @event_handler(source, "happened", requeue_on_error=True)
        def handle(self, event):
            handled.append(("failing", event))
            if handled.count(("failing", event)) < 4:
                raise ValueError("not yet")

    class Healthy:
        name = unique("healthy")

        @event_handler(source, "happened")
        def handle(self, event):
            handled.append(("healthy", event))

    start(Failing)
    start(Healthy)
    dispatch(source, "happened", "event")

    eventually(lambda: Counter(handled) == {("failing", "event"): 4, ("healthy", "event"): 1})


def test_event_whose_handler_fails_is_lost_without_requeue(
    start, dispatch, source, unique, handled, eventually
):
    class Failing:
        name = unique("failing")

        @event_handler(source, "happened")
        def handle(self, event):
            handled.append(event)
            raise ValueError("always")

    container = start(Failing)
    dispatch(source, "happened", "first")
    dispatch(source, "happened", "second")
    eventually(lambda: sorted(handled) == ["first", "second"])
    container.stop()
    start(Failing)
    dispatch(source, "happened", "third")

    eventually(lambda: sorted(handled) == ["first", "second", "third"])


def test_broadcast_reaches_every_instance_while_it_runs(start, config, source, unique, handled, eventually):
    class Listening:
        name = unique("listening")

        @event_handler(source, "happened", handler_type=BROADCAST, reliable_delivery=False)
        def handle(self, event):
            handled.append(event)

    dispatch = event_dispatcher(config, mandatory=True)
    containers = [start(Listening), start(Listening)]
    dispatch(source, "happened", "to both")
    eventually(lambda: handled == ["to both", "to both"])

    containers[0].stop()
    dispatch(source, "happened", "to one")
    eventually(lambda: handled == ["to both", "to both", "to one"])

    containers[1].stop()
    with pytest.raises(UndeliverableMessage):
        dispatch(source, "happened", "to nobody")


def test_singleton_is_handled_once_across_services(start, dispatch, source, unique, handled, eventually):
    class First:
        name = unique("first")

        @event_handler(source, "happened", handler_type=SINGLETON)
        def handle(self, event):
            handled.append(event)

    class Second:
        name = unique("second")

        @event_handler(source, "happened", handler_type=SINGLETON)
        def handle(self, event):
            handled.append(event)

    start(First)
    start(Second)
    for number in range(10):
        dispatch(source, "happened", number)

    eventually(lambda: sorted(handled) == list(range(10)))


def test_events_for_a_stopped_service_reach_every_handler_at_its_restart(
    start, dispatch, source, unique, handled, eventually
):
    class Service:
        name = unique("service")

        @event_handler(source, "happened")
        def one(self, event):
            handled.append(("one", event))

        @event_handler(source, "happened")
        def two(self, event):
            handled.append(("two", event))

    start(Service).stop()
    dispatch(source, "happened", "meanwhile")
    eventlet.sleep(0.1)
    assert handled == []

    start(Service)
    eventually(lambda: sorted(handled) == [("one", "meanwhile"), ("two", "meanwhile")])


def test_event_is_delivered_again_when_its_container_is_killed(
    start, dispatch, source, unique, handled, eventually
):
    never = Event()

    class Service:
        name = unique("service")

        @event_handler(source, "happened")
        def handle(self, event):
            handled.append(event)
            if len(handled) == 1:
                never.wait()

    first = start(Service)
    dispatch(source, "happened", "event")
    eventually(lambda: handled == ["event"])
    first.kill()
    start(Service)

    eventually(lambda: handled == ["event", "event"])


def test_work_finished_while_stopping_is_not_done_again(
    start, dispatch, rpc_client, source, unique, handled, eventually
):
    started = []

    class Service:
        name = unique("service")

        @event_handler(source, "happened")
        def handle(self, event):
            started.append(event)
            eventlet.sleep(0.3)
            handled.append(event)

        @rpc
        def command(self):
            started.append("command")
            eventlet.sleep(0.3)
            handled.append("command")
            return "done"

    container = start(Service)
    dispatch(source, "happened", "event")
    reply = rpc_client()[Service.name].command.call_async()
    eventually(lambda: len(started) == 2, settle_seconds=0)
    container.stop()
    assert sorted(handled) == ["command", "event"]
    assert reply.result() == "done"

    start(Service)
    eventually(lambda: len(started) == 2)


def test_mandatory_event_without_a_bound_queue_raises(bus_url, source):
    exchange = Exchange(source, type="topic")
    publisher = Publisher(bus_url, exchange=exchange, declare=[exchange], mandatory=True)

    with pytest.raises(UndeliverableMessage):
        publisher.publish("event", routing_key="happened")


def test_event_for_an_exchange_that_does_not_exist_raises(bus_url, source):
    with pytest.raises(NotFound):
        Publisher(bus_url).publish("event", exchange=source, routing_key="happened")


def test_unhandled_events_of_one_queue_delay_no_calls_or_other_queues(
    start, dispatch, rpc_client, source, unique, handled, eventually
):
    """As many events as there are workers stay unacknowledged, as they do between two attempts."""
    held = []

    class HoldingEventHandler(EventHandler):
        def handle_message_processed(self, message, result=None, exc_info=None):
            held.append((self.queue_consumer, message))

    class Service:
        name = unique("service")

        @HoldingEventHandler.decorator(source, "held")
        def hold(self, event):
            handled.append(("hold", event))

        @event_handler(source, "free")
        def handle(self, event):
            handled.append(("free", event))

        @rpc
        def answer(self):
            return "at once"

    start(Service, max_workers=WORKERS)
    for number in range(WORKERS + 1):
        dispatch(source, "held", number)
    eventually(lambda: len(held) == WORKERS)

    client = rpc_client(timeout=2)
    assert [client[Service.name].answer() for _ in range(WORKERS + 1)] == ["at once"] * (WORKERS + 1)
    for number in range(WORKERS + 1):
        dispatch(source, "free", number)
    eventually(lambda: handled[WORKERS:] == [("free", number) for number in range(WORKERS + 1)])

    consumer, message = held.pop(0)
    consumer.ack_message(message)
    eventually(lambda: handled[-1] == ("hold", WORKERS))
    for consumer, message in held:
        consumer.ack_message(message)
