"""What of nameko does not survive a restart, of the broker or of the service, put right.

No configuration key reaches these places. Every process that runs services or calls them applies this once,
before the first message.
"""

from __future__ import annotations

import nameko.rpc
from nameko.amqp.publish import Publisher
from nameko.constants import NON_PERSISTENT
from nameko.messaging import QueueConsumer

# kombu waits with growing pauses, up to a second, and gives up after about two minutes.
RETRY_POLICY = {"max_retries": 120, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 1}
CONNECT_RETRIES_TIMEOUT_SECONDS = 60

_applied = False


def apply() -> None:
    """Make services outlive an outage of the broker and stop without repeating work, and replies cheap.

    Applying it again is harmless.
    """
    global _applied
    if _applied:
        return
    _survive_broker_outages()
    _send_replies_unconfirmed()
    _acknowledge_what_a_stop_waits_for()
    _applied = True


def _survive_broker_outages() -> None:
    # nameko retries a publish three times, and kombu ends every attempt to connect after five seconds
    # unless told otherwise. A reply that cannot be published raises in the container, which then kills
    # itself: a restart of RabbitMQ would take down every service that was answering a call.
    Publisher.retry_policy = RETRY_POLICY
    Publisher.transport_options = {
        **Publisher.transport_options,
        "connect_retries_timeout": CONNECT_RETRIES_TIMEOUT_SECONDS,
        **RETRY_POLICY,
    }


def _send_replies_unconfirmed() -> None:
    class FastReply(Publisher):
        """Half the cost of a call is storing and confirming messages that mean nothing after its deadline.

        Requests stay confirmed: without that nameko cannot tell that a service does not exist.
        """

        delivery_mode = NON_PERSISTENT
        use_confirms = False
        # Its own copy, for nameko writes `confirm_publish` into this dict at each publish. Were it shared,
        # an event in flight while the broker restarts could come back on a connection without confirms,
        # and an unroutable one would count as sent.
        transport_options = dict(Publisher.transport_options)

    nameko.rpc.Responder.publisher_cls = FastReply


def _acknowledge_what_a_stop_waits_for() -> None:
    # A stopping container lets its workers finish, but nameko closes the connection as soon as the last
    # consumer is cancelled, which is before. What the workers finish then can no longer be acknowledged and
    # is done once more, by another replica or after the restart: every update would repeat some commands.
    def on_iteration(consumer: QueueConsumer) -> None:
        consumer._cancel_consumers_if_requested()
        if not consumer._consumers and not consumer.container._worker_threads:
            consumer.should_stop = True

    QueueConsumer.on_iteration = on_iteration
