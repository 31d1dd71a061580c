from nameko.amqp.publish import Publisher
from nameko.rpc import Responder
from servicekit import nameko_patches


def test_publishing_survives_an_outage_of_a_minute():
    assert Publisher.retry_policy["max_retries"] == 120
    assert Publisher.transport_options["connect_retries_timeout"] == 60


def test_unconfirmed_replies_do_not_affect_other_publishers():
    reply = Responder.publisher_cls

    assert (reply.use_confirms, reply.delivery_mode) == (False, 1)
    # nameko writes this one at each publish, the first of which may have been in another test.
    written_by_nameko = {"confirm_publish": None}
    assert reply.transport_options | written_by_nameko == Publisher.transport_options | written_by_nameko
    assert reply.transport_options is not Publisher.transport_options
    assert Publisher.use_confirms is True


def test_applying_the_patches_twice_changes_nothing():
    before = Responder.publisher_cls
    nameko_patches.apply()

    assert Responder.publisher_cls is before
