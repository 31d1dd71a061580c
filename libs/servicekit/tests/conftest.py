from functools import partialmethod

import pytest
from nameko.messaging import QueueConsumer


@pytest.fixture(autouse=True)
def quick_stop(monkeypatch):
    """Let consumers check every 20 ms whether to stop, not every second."""
    monkeypatch.setattr(QueueConsumer, "consume", partialmethod(QueueConsumer.consume, safety_interval=0.02))
