import eventlet
import psutil
import pytest
from eventlet.event import Event
from kombu import Connection, Exchange, Queue
from nameko.amqp.publish import Publisher
from nameko.containers import ServiceContainer
from nameko.rpc import rpc
from nameko.standalone.rpc import ClusterRpcProxy
from servicekit import private_rabbitmq
from servicekit.private_process import PrivateServerError
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port
from testkit.pytest_plugin import require

KEPT = Queue("kept", Exchange("kept", type="topic"), "kept")


@pytest.fixture
def node(server_directory):
    require("rabbitmq")
    node = PrivateRabbitMQ(server_directory("rabbitmq"), find_rabbitmq_port())
    yield node
    node.stop()


def processes_of(node):
    """Every process, down to Erlang's name server, whose environment names the node."""
    return [process for process in psutil.process_iter() if _home(process) == str(node.directory)]


def _home(process):
    try:
        return process.environ().get("HOME")
    except psutil.Error:
        return None


def test_killed_node_keeps_messages_and_its_services_survive(node):
    release, calls = Event(), []

    class Service:
        name = "service"

        @rpc
        def answer(self):
            calls.append(1)
            release.wait()
            return "survived"

    node.start()
    config = {"AMQP_URI": node.url}
    container = ServiceContainer(Service, config)
    container.start()
    with Connection(node.url) as connection:
        KEPT(connection.default_channel).declare()
    Publisher(node.url).publish("kept", exchange="kept", routing_key="kept", mandatory=True)
    with ClusterRpcProxy(config, timeout=10) as client:
        client.service.answer.call_async()
        with eventlet.Timeout(10, AssertionError("was not called")):
            while not calls:
                eventlet.sleep(0.01)

        node.kill()
        release.send(None)  # the reply is now published into the outage
        eventlet.sleep(0.5)
        node.start()

    with ClusterRpcProxy(config, timeout=20) as client:
        assert client.service.answer() == "survived"
    with Connection(node.url) as connection:
        assert KEPT(connection.default_channel).get(no_ack=True).payload == "kept"
    container.stop()
    node.stop()
    assert processes_of(node) == []


def test_missing_program_is_named_with_its_package(server_directory, monkeypatch, tmp_path):
    monkeypatch.setattr(private_rabbitmq, "PROGRAMS", tmp_path)
    node = PrivateRabbitMQ(server_directory("rabbitmq"), find_rabbitmq_port())

    with pytest.raises(PrivateServerError, match="rabbitmq-server"):
        node.start()


def test_port_leaves_room_for_the_derived_ones(tmp_path):
    with pytest.raises(ValueError, match="45535"):
        PrivateRabbitMQ(tmp_path, 50_000)


def test_stopping_a_node_that_never_started_is_harmless(tmp_path):
    node = PrivateRabbitMQ(tmp_path, find_rabbitmq_port())
    node.stop()
    node.kill()

    assert list(tmp_path.iterdir()) == []


def test_vhost_that_cannot_be_added_is_an_error(tmp_path):
    node = PrivateRabbitMQ(tmp_path, find_rabbitmq_port())
    with pytest.raises(ValueError, match="cannot be named"):
        node.add_vhost('">>')
    require("rabbitmq")
    with pytest.raises(PrivateServerError, match="rabbit_vhost"):
        node.add_vhost("test")
