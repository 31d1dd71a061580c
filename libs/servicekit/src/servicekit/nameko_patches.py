"""Fixes for nameko, so that services survive restarts of the broker and stop cleanly.

nameko has no configuration for these. Every process that runs or calls services applies them once, before the
first message.
"""

from __future__ import annotations

import nameko.rpc
from nameko.amqp.publish import Publisher
from nameko.constants import NON_PERSISTENT
from nameko.messaging import QueueConsumer

# kombu retries with growing pauses of up to a second, and gives up after about two minutes.
RETRY_POLICY = {"max_retries": 120, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 1}
CONNECT_RETRIES_TIMEOUT_SECONDS = 60

_applied = False


def apply() -> None:
    """Let services survive an outage of the broker and stop without repeating work, and make replies cheap.

    Safe to repeat.
    """
    global _applied
    if _applied:
        return
    _survive_broker_outages()
    _send_replies_unconfirmed()
    _acknowledge_work_finished_while_stopping()
    _applied = True


def _survive_broker_outages() -> None:
    # By default, nameko retries a publish three times and kombu gives up connecting after five seconds. If a
    # reply cannot be published, the container raises and kills itself: a restart of RabbitMQ would stop every
    # service that is answering a call.
    Publisher.retry_policy = RETRY_POLICY
    Publisher.transport_options = {
        **Publisher.transport_options,
        "connect_retries_timeout": CONNECT_RETRIES_TIMEOUT_SECONDS,
        **RETRY_POLICY,
    }


def _send_replies_unconfirmed() -> None:
    class FastReply(Publisher):
        """Replies are neither stored nor confirmed, which halves the cost of a call: after the deadline they
        mean nothing.

        Requests stay confirmed: otherwise nameko cannot tell that a service does not exist.
        """

        delivery_mode = NON_PERSISTENT
        use_confirms = False
        # A separate copy, because nameko writes `confirm_publish` into this dict at each publish. If it were
        # shared, an event published while the broker restarts could use a connection without confirms, and
        # count as sent although no queue took it.
        transport_options = dict(Publisher.transport_options)

    nameko.rpc.Responder.publisher_cls = FastReply


def _acknowledge_work_finished_while_stopping() -> None:
    # A stopping container lets its workers finish, but nameko closes the connection earlier, as soon as the
    # last consumer is cancelled. Work finished after that cannot be acknowledged and is done again, by
    # another replica or after the restart: every update would repeat some commands.
    def on_iteration(consumer: QueueConsumer) -> None:
        consumer._cancel_consumers_if_requested()
        if not consumer._consumers and not consumer.container._worker_threads:
            consumer.should_stop = True

    QueueConsumer.on_iteration = on_iteration
