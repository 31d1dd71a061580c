"""Payment clients that follow our advice to integrators: a key per payment, retried until answered."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import requests

from tests.support.api import Api, Problem

PAUSE_SECONDS = 0.1
STILL_WORKED_ON = 409


def deliver_all(api: Api, payments: Iterable[Payment], *, threads: int, give_up_seconds: float) -> None:
    """Deliver payments until each has been answered."""
    deadline = time.monotonic() + give_up_seconds
    left = list(payments)
    while left:
        assert time.monotonic() < deadline, f"could not be delivered: {left}"
        clients = PaymentClients(api, left, threads=threads, give_up_seconds=give_up_seconds).start()
        clients.join()
        left = clients.postponed
        if left:
            time.sleep(10 * PAUSE_SECONDS)


@dataclass(frozen=True)
class Payment:
    subscriber_id: str
    amount: int
    reference: str

    def content(self) -> dict[str, object]:
        return {
            "subscriber_id": self.subscriber_id,
            "amount": self.amount,
            "method": "gcash",
            "reference": self.reference,
        }


class PaymentClients:
    """Several threads that deliver payments.

    While a killed process's payment is answered with "still being worked on", it is put into `postponed`, to
    be delivered after the rest.
    """

    def __init__(
        self, api: Api, payments: Iterable[Payment], *, threads: int, give_up_seconds: float
    ) -> None:
        self._api = api
        self._waiting: queue.Queue[Payment] = queue.Queue()
        for payment in payments:
            self._waiting.put(payment)
        self._give_up_at = time.monotonic() + give_up_seconds
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self.delivered = 0
        self.repeats = 0
        self.postponed: list[Payment] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def start(self) -> PaymentClients:
        for thread in self._threads:
            thread.start()
        return self

    def wait_delivered(self, count: int) -> None:
        """Wait until that many payments have been answered or a thread has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self.delivered >= count or self._failure is not None)

    def join(self) -> None:
        """Wait until nothing is left to deliver. Raises the error of any thread."""
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        api = self._api.another()
        try:
            while self._failure is None:
                self._deliver(api, self._waiting.get_nowait())
        except queue.Empty:
            pass
        except BaseException as error:
            self._failure = error
            self._note()
        finally:
            api.close()

    def _deliver(self, api: Api, payment: Payment) -> None:
        while True:
            try:
                api.post("/payments", payment.content(), key=f"key-{payment.reference}")
                self._note(delivered=1)
                return
            except requests.RequestException as error:
                self._again(payment, error)
            except Problem as problem:
                if problem.status == STILL_WORKED_ON:
                    self.postponed.append(payment)
                    return
                if problem.status < 500:
                    raise
                self._again(payment, problem)

    def _again(self, payment: Payment, error: Exception) -> None:
        if time.monotonic() > self._give_up_at:
            raise AssertionError(f"{payment.reference} could not be delivered: {error}") from error
        self._note(repeats=1)
        time.sleep(PAUSE_SECONDS)

    def _note(self, *, delivered: int = 0, repeats: int = 0) -> None:
        with self._changed:
            self.delivered += delivered
            self.repeats += repeats
            self._changed.notify_all()
