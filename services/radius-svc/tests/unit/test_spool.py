from __future__ import annotations

from datetime import UTC, datetime

import pytest
from radius_svc.listener.accounting.spool import Spool, SpooledPacket

AT = datetime(2026, 11, 28, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool" / "accounting.db"


def packets(*numbers: int) -> list[SpooledPacket]:
    return [SpooledPacket(b"packet %d" % number, "10.1.1.1", AT) for number in numbers]


def test_packets_come_out_in_order_after_a_restart(path):
    before = Spool(path)
    before.add(packets(1, 2))
    before.add(packets(3))
    before.close()

    spool = Spool(path)
    assert len(spool) == 3
    first, last_id = spool.oldest(2)
    assert first == packets(1, 2)
    spool.remove_to(last_id)
    assert spool.oldest(10)[0] == packets(3)
    spool.close()


def test_only_the_owner_can_read_the_spool(path):
    Spool(path).close()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_spool_has_a_capacity(path, monkeypatch):
    monkeypatch.setattr("radius_svc.listener.accounting.spool.CAPACITY", 2)
    spool = Spool(path)
    spool.add(packets(1))
    assert spool.has_room()
    spool.add(packets(2))
    assert not spool.has_room()
    spool.close()
