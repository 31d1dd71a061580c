from nameko.amqp.publish import Publisher
from nameko.rpc import Responder
from servicekit import nameko_patches


def test_publishing_outlives_an_outage_of_a_minute():
    assert Publisher.retry_policy["max_retries"] == 120
    assert Publisher.transport_options["connect_retries_timeout"] == 60


def test_replies_are_unconfirmed_and_leave_the_options_of_other_publishers_alone():
    reply = Responder.publisher_cls

    assert (reply.use_confirms, reply.delivery_mode) == (False, 1)
    assert reply.transport_options == Publisher.transport_options | {
        key: value for key, value in reply.transport_options.items() if key == "confirm_publish"
    }
    assert reply.transport_options is not Publisher.transport_options
    assert Publisher.use_confirms is True


def test_applying_again_changes_nothing():
    before = Responder.publisher_cls
    nameko_patches.apply()

    assert Responder.publisher_cls is before
