import eventlet
from servicekit.logs import correlated, correlation_id


def test_correlation_id_is_created_on_first_use_and_kept():
    def work():
        return correlation_id(), correlation_id()

    first, second = eventlet.spawn(work).wait()
    assert first == second
    assert eventlet.spawn(correlation_id).wait() != first


def test_greenthreads_keep_their_own_correlation_id():
    seen = {}

    def work(identifier):
        with correlated(identifier):
            seen[identifier] = []
            for _ in range(3):
                eventlet.sleep(0)
                seen[identifier].append(correlation_id())

    for worker in [eventlet.spawn(work, name) for name in ("one", "two", "three")]:
        worker.wait()

    assert seen == {name: [name] * 3 for name in ("one", "two", "three")}


def test_outer_correlation_id_is_restored_even_after_an_error():
    with correlated("outer"):
        try:
            with correlated("inner"):
                raise ValueError
        except ValueError:
            pass
        assert correlation_id() == "outer"
