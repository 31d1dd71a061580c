"""The embedded bus at the level of kombu."""

import resource
import socket
import time

import eventlet
import pytest
from amqp.exceptions import (
    AMQPNotImplementedError,
    NotFound,
    PreconditionFailed,
    RecoverableConnectionError,
    ResourceLocked,
)
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.exceptions import ChannelError
from nameko.amqp.publish import Publisher, UndeliverableMessage
from servicekit import membus

TOPIC = Exchange("events", type="topic")


@pytest.fixture(autouse=True)
def empty_bus():
    membus.register()
    membus.reset()
    yield
    membus.reset()


@pytest.fixture
def connect():
    connections = []

    def make():
        connections.append(Connection("membus://"))
        return connections[-1]

    yield make
    for connection in connections:
        connection.release()


@pytest.fixture
def publish(connect):
    producer = Producer(connect())

    def send(body, routing_key, exchange=TOPIC, **options):
        producer.publish(body, routing_key=routing_key, exchange=exchange, declare=[exchange], **options)

    return send


@pytest.fixture
def declare(connect):
    connection = connect()

    def make(name, routing_key=None, exchange=TOPIC, **options):
        queue = Queue(name, exchange, routing_key or name, **options)(connection.default_channel)
        queue.declare()
        return queue

    return make


@pytest.fixture
def consume(connect):
    def start(*queues, prefetch_count=0, connection=None, ack=True, no_ack=False):
        return Subscription(connection or connect(), queues, prefetch_count, ack=ack, no_ack=no_ack)

    return start


class Subscription:
    """A consumer that keeps the messages it received."""

    def __init__(self, connection, queues, prefetch_count, *, ack, no_ack):
        self.connection = connection
        self.messages = []
        self._ack = ack
        self.consumer = Consumer(connection, queues, callbacks=[self._receive], no_ack=no_ack)
        self.consumer.qos(prefetch_count=prefetch_count)
        self.consumer.consume()

    def _receive(self, body, message):
        self.messages.append(message)
        if self._ack:
            message.ack()

    def drain(self):
        """The messages that are there without waiting."""
        already = len(self.messages)
        try:
            while True:
                self.connection.drain_events(timeout=0.01)
        except TimeoutError:
            return [message.payload for message in self.messages[already:]]


def test_registering_twice_is_harmless():
    membus.register()

    assert Connection("membus://").connect()


def test_queue_keeps_messages_until_there_is_a_consumer(declare, publish, consume):
    queue = declare("orders")
    publish("first", "orders")
    publish("second", "orders")

    assert consume(queue).drain() == ["first", "second"]


@pytest.mark.parametrize(
    ("binding", "matching", "other"),
    [
        ("invoice.paid", ["invoice.paid"], ["invoice", "invoice.paid.v1", "invoice.issued"]),
        ("invoice.*", ["invoice.paid"], ["invoice", "invoice.paid.v1"]),
        ("invoice.#", ["invoice", "invoice.paid", "invoice.paid.v1"], ["invoices.paid"]),
        ("#.v1", ["v1", "invoice.paid.v1"], ["invoice.paid"]),
        ("*.#.v1", ["invoice.v1", "invoice.paid.v1"], ["v1"]),
        ("#", ["", "invoice.paid"], []),
    ],
)
def test_topic_binding_matches_as_in_amqp(declare, publish, consume, binding, matching, other):
    queue = declare("orders", binding)
    for routing_key in matching + other:
        publish([routing_key], routing_key)

    assert consume(queue).drain() == [[routing_key] for routing_key in matching]


def test_direct_exchange_takes_a_wildcard_literally(declare, publish, consume):
    direct = Exchange("direct", type="direct")
    queue = declare("orders", "invoice.*", direct)
    publish("no", "invoice.paid", direct)
    publish("yes", "invoice.*", direct)

    assert consume(queue).drain() == ["yes"]


def test_fanout_exchange_ignores_the_routing_key(declare, publish, consume):
    fanout = Exchange("fanout", type="fanout")
    queues = [declare(name, "anything", fanout) for name in ("one", "two")]
    publish("news", "something else", fanout)

    assert [consume(queue).drain() for queue in queues] == [["news"], ["news"]]


def test_default_exchange_routes_by_queue_name(declare, publish, consume):
    queue = declare("orders")
    publish("direct", "orders", Exchange(""))

    assert consume(queue).drain() == ["direct"]


def test_queue_with_two_matching_bindings_gets_one_message(declare, publish, consume):
    queue = declare("orders", "invoice.*")
    queue.bind_to("events", "invoice.#")
    publish("once", "invoice.paid")

    assert consume(queue).drain() == ["once"]


def test_message_has_its_properties_as_in_amqp(declare, publish, consume):
    queue = declare("orders")
    publish({"a": 1}, "orders", correlation_id="c1", reply_to="r1", headers={"trace": "t1"})
    subscription = consume(queue)
    subscription.drain()

    [message] = subscription.messages
    assert message.payload == {"a": 1}
    assert message.properties["content_type"] == "application/json"
    assert message.properties["correlation_id"] == "c1"
    assert message.properties["reply_to"] == "r1"
    assert message.headers == {"trace": "t1"}
    assert message.delivery_info["routing_key"] == "orders"
    assert message.delivery_info["exchange"] == "events"
    assert message.delivery_info["redelivered"] is False


def test_receivers_and_sender_do_not_share_headers(declare, publish, consume):
    queues = [declare("one", "key"), declare("two", "key")]
    headers = {"stack": ["a"]}
    publish("body", "key", headers=headers)
    headers["stack"].append("changed by the sender")
    first, second = (consume(queue) for queue in queues)
    first.drain()
    first.messages[0].headers["stack"].append("changed by a receiver")
    second.drain()

    assert second.messages[0].headers == {"stack": ["a"]}


def test_mandatory_message_without_a_queue_raises_no_route(publish):
    with pytest.raises(ChannelError, match="NO_ROUTE"):
        publish("lost", "nobody", mandatory=True, retry=True)


def test_message_without_a_queue_is_dropped_unless_mandatory(publish):
    publish("lost", "nobody")


def test_publishing_to_an_unknown_exchange_raises(connect):
    with pytest.raises(NotFound, match="nowhere"):
        Producer(connect()).publish("lost", exchange="nowhere", routing_key="key")


def test_expired_message_is_not_delivered(declare, publish, consume):
    queue = declare("orders")
    publish("late", "orders", expiration=0.01)
    publish("in time", "orders", expiration=60)
    time.sleep(0.02)

    assert consume(queue).drain() == ["in time"]


def test_expired_messages_do_not_pile_up_in_an_unread_queue(declare, publish):
    queue = declare("orders")
    for number in range(5):
        publish(number, "orders", expiration=0)

    assert queue.queue_declare(passive=True).message_count == 0


def test_prefetch_limits_how_many_messages_a_consumer_holds(declare, publish, consume):
    queue = declare("orders")
    for number in range(5):
        publish(number, "orders")
    subscription = consume(queue, prefetch_count=2, ack=False)

    assert subscription.drain() == [0, 1]
    subscription.messages[0].ack()
    assert subscription.drain() == [2]
    subscription.messages[1].reject()
    assert subscription.drain() == [3]


def test_busy_consumers_of_one_queue_do_not_delay_another_queue(connect, declare, publish, consume):
    held, free = declare("held"), declare("free")
    connection = connect()
    holding = consume(held, prefetch_count=2, connection=connection, ack=False)
    serving = consume(free, prefetch_count=2, connection=connection)
    for number in range(4):
        publish(number, "held")
    holding.drain()
    publish("served", "free")
    serving.drain()

    assert [message.payload for message in holding.messages] == [0, 1]
    assert [message.payload for message in serving.messages] == ["served"]


def test_ack_wakes_a_waiting_consumer(declare, publish, consume):
    queue = declare("orders")
    publish("first", "orders")
    publish("second", "orders")
    subscription = consume(queue, prefetch_count=1, ack=False)
    subscription.drain()
    eventlet.spawn_after(0.02, subscription.messages[0].ack)
    started = time.monotonic()
    subscription.connection.drain_events(timeout=5)

    assert subscription.messages[1].payload == "second"
    assert time.monotonic() - started < 1


def test_competing_consumers_take_turns(declare, publish, consume):
    queue = declare("orders")
    first, second = consume(queue), consume(queue)
    for number in range(4):
        publish(number, "orders")

    assert first.drain() == [0, 2]
    assert second.drain() == [1, 3]


def test_requeued_message_goes_to_the_head_of_its_own_queue_only(declare, publish, consume):
    failing, other = declare("failing", "key"), declare("other", "key")
    publish("first", "key")
    publish("second", "key")
    subscription = consume(failing, prefetch_count=1, ack=False)
    subscription.drain()
    subscription.messages[0].requeue()

    assert subscription.drain() == ["first"]
    assert subscription.messages[1].delivery_info["redelivered"] is True
    assert consume(other).drain() == ["first", "second"]


def test_rejected_message_is_dropped(declare, publish, consume):
    queue = declare("orders")
    publish("poison", "orders")
    subscription = consume(queue, ack=False)
    subscription.drain()
    subscription.messages[0].reject()

    assert queue.queue_declare(passive=True).message_count == 0


def test_unacknowledged_messages_return_in_order_when_the_connection_closes(declare, publish, consume):
    queue = declare("orders")
    for number in range(5):
        publish(number, "orders")
    dying = consume(queue, prefetch_count=3, ack=False)
    dying.drain()
    dying.messages[1].ack()
    dying.connection.release()

    survivor = consume(queue)
    assert survivor.drain() == [0, 2, 3, 4]
    redelivered = [message.payload for message in survivor.messages if message.delivery_info["redelivered"]]
    assert redelivered == [0, 2, 3]


def test_message_of_a_closed_channel_cannot_be_acknowledged(declare, publish, consume):
    queue = declare("orders")
    publish("body", "orders")
    subscription = consume(queue, ack=False)
    subscription.drain()
    subscription.connection.release()

    assert subscription.messages[0].channel.connection is None


def test_cancelled_consumer_returns_messages_it_has_not_received(declare, publish, consume):
    queue = declare("orders")
    subscription = consume(queue)
    publish("unseen", "orders")
    subscription.consumer.cancel()

    assert subscription.drain() == []
    assert consume(queue).drain() == ["unseen"]


def test_consumer_without_ack_may_still_acknowledge(declare, publish, consume):
    queue = declare("orders")
    publish("body", "orders")
    subscription = consume(queue, prefetch_count=1, no_ack=True)

    assert subscription.drain() == ["body"]
    subscription.connection.release()
    assert queue.queue_declare(passive=True).message_count == 0


def test_basic_get_takes_one_message(declare, publish):
    queue = declare("orders")
    publish("body", "orders")
    message = queue.get()

    assert message.payload == "body"
    assert queue.get() is None
    message.requeue()
    assert queue.get().payload == "body"


def test_auto_delete_queue_is_deleted_with_its_last_consumer(declare, publish, consume):
    queue = declare("orders", auto_delete=True)
    first, second = consume(queue), consume(queue)
    first.consumer.cancel()
    publish("still there", "orders", mandatory=True)
    second.connection.release()

    with pytest.raises(ChannelError, match="NO_ROUTE"):
        publish("gone", "orders", mandatory=True)


def test_exclusive_queue_belongs_to_its_connection_and_ends_with_it(connect, consume):
    owner = connect()
    queue = Queue("mine", TOPIC, "mine", exclusive=True)
    queue(owner.default_channel).declare()

    with pytest.raises(ResourceLocked, match="mine"):
        consume(queue)
    owner.release()
    assert consume(queue).drain() == []


def test_unused_queue_with_an_expiry_is_deleted(declare, consume):
    queue = declare("reply", queue_arguments={"x-expires": 10})
    time.sleep(0.02)
    declare("other")

    with pytest.raises(NotFound, match="reply"):
        queue.queue_declare(passive=True)


def test_used_queue_does_not_expire(declare, publish, consume):
    queue = declare("reply", queue_arguments={"x-expires": 10})
    subscription = consume(queue)
    time.sleep(0.02)
    publish("still there", "reply", mandatory=True)

    assert subscription.drain() == ["still there"]


def test_unsupported_features_are_refused(declare):
    with pytest.raises(AMQPNotImplementedError, match="x-dead-letter-exchange"):
        declare("orders", queue_arguments={"x-dead-letter-exchange": "dead"})
    with pytest.raises(AMQPNotImplementedError, match="x-message-ttl"):
        declare("orders", message_ttl=5)
    with pytest.raises(AMQPNotImplementedError, match="headers"):
        declare("orders", exchange=Exchange("by-headers", type="headers"))


def test_declaring_again_with_other_properties_is_refused(declare):
    declare("orders")

    with pytest.raises(PreconditionFailed, match="orders"):
        declare("orders", auto_delete=True)
    with pytest.raises(PreconditionFailed, match="events"):
        declare("orders", exchange=Exchange("events", type="direct"))


def test_deleted_queue_receives_no_more_messages(declare, publish):
    queue = declare("orders")
    publish("body", "orders")

    assert queue.delete() == 1
    with pytest.raises(ChannelError, match="NO_ROUTE"):
        publish("gone", "orders", mandatory=True)


def test_unbound_and_purged_queue_is_empty(declare, publish, consume):
    queue = declare("orders")
    publish("body", "orders")

    assert queue.purge() == 1
    queue.queue_unbind()
    publish("body", "orders")
    assert consume(Queue("orders")).drain() == []


def test_draining_times_out_without_a_message(declare, consume):
    subscription = consume(declare("orders"))
    started = time.monotonic()

    with pytest.raises(socket.timeout):
        subscription.connection.drain_events(timeout=0.05)
    assert 0.04 < time.monotonic() - started < 1


def test_waiting_uses_no_processor_time(declare, consume):
    subscription = consume(declare("orders"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with pytest.raises(socket.timeout):
        subscription.connection.drain_events(timeout=0.5)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.05


def test_reset_empties_the_bus(connect, declare, publish):
    queue = declare("orders")
    publish("body", "orders")
    membus.reset()

    with pytest.raises(NotFound, match="orders"):
        Queue("orders")(connect().default_channel).queue_declare(passive=True)
    with pytest.raises(RecoverableConnectionError):
        queue.queue_declare(passive=True)


def test_pooled_publisher_keeps_working_after_a_reset(declare):
    publisher = Publisher("membus://", exchange=TOPIC, declare=[TOPIC], mandatory=True)
    declare("before")
    publisher.publish("body", routing_key="before")
    membus.reset()

    with pytest.raises(UndeliverableMessage):
        publisher.publish("body", routing_key="before")


def test_reset_stops_a_waiting_consumer(declare, consume):
    subscription = consume(declare("orders"))
    eventlet.spawn_after(0.01, membus.reset)

    with pytest.raises(RecoverableConnectionError):
        subscription.connection.drain_events(timeout=5)


def test_short_lived_clients_leave_nothing_behind(connect, publish):
    for _ in range(50):
        connection = connect()
        Queue("", TOPIC, "reply", queue_arguments={"x-expires": 1})(connection.default_channel).declare()
        connection.release()
    time.sleep(0.01)

    with pytest.raises(ChannelError, match="NO_ROUTE"):
        publish("nobody is left", "reply", mandatory=True)
