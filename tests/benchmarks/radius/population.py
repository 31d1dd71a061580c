"""Who is in the databases and who dials in: the same people for each server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

PLANS = 5
STATIC_EVERY = 10
FIRST_NAS_PORT = 15_728_640
CALLED_STATION = "pppoe"
PORT_ID = "ether2"
# Session ids of a MikroTik: `81`, a digit for the boot, a counter. Each generation of sessions has its own
# part of the counter: the open ones, the closed ones before them, those that a run starts.
OPEN_GENERATION = 0
SESSION_COUNTER = 1 << 20


@dataclass(frozen=True)
class Router:
    """A RADIUS client with its own loopback address and secret."""

    number: int

    @property
    def id(self) -> str:
        return f"router-{self.number}"

    @property
    def name(self) -> str:
        return f"Router {self.number}"

    @property
    def address(self) -> str:
        return f"127.0.2.{self.number + 1}"

    @property
    def secret(self) -> str:
        return f"secret-of-router-{self.number}"


@dataclass(frozen=True)
class Plan:
    number: int

    @property
    def id(self) -> str:
        return f"plan-{self.number}"

    @property
    def megabits(self) -> int:
        return 10 * (self.number + 1)

    @property
    def replies(self) -> dict[str, str]:
        """The five attributes of the plan's group."""
        return {
            "Mikrotik-Rate-Limit": f"{self.megabits}M/{self.megabits}M",
            "Acct-Interim-Interval": "300",
            "Framed-Pool": f"pool-{self.number}",
            "Session-Timeout": "86400",
            "Idle-Timeout": "3600",
        }


@dataclass(frozen=True)
class Subscriber:
    number: int
    router: Router
    plan: Plan

    @property
    def service_id(self) -> str:
        return f"service-{self.number}"

    @property
    def username(self) -> str:
        return f"home.{self.number:05d}"

    @property
    def password(self) -> str:
        return f"pppoe-pass-{self.number:05d}"

    @property
    def mac(self) -> str:
        octets = (0xAC000000_0000 | self.number).to_bytes(6, "big")
        return octets.hex(":").upper()

    @property
    def nas_port(self) -> int:
        return FIRST_NAS_PORT + self.number

    @property
    def address(self) -> str:
        return f"10.{self.number >> 16}.{self.number >> 8 & 255}.{self.number & 255}"

    @property
    def static_ip(self) -> str | None:
        return self.address if self.number % STATIC_EVERY == 0 else None


@dataclass(frozen=True)
class Population:
    size: int
    closed_sessions: int  # of each
    routers: int = 4

    @cached_property
    def clients(self) -> list[Router]:
        return [Router(number) for number in range(self.routers)]

    @cached_property
    def plans(self) -> list[Plan]:
        return [Plan(number) for number in range(PLANS)]

    @cached_property
    def subscribers(self) -> list[Subscriber]:
        return [
            Subscriber(number, self.clients[number % self.routers], self.plans[number % PLANS])
            for number in range(self.size)
        ]

    @property
    def new_generation(self) -> int:
        """The number for the sessions that a run starts."""
        return self.closed_sessions + 1

    def session_id(self, subscriber: Subscriber, generation: int = OPEN_GENERATION) -> str:
        counter = generation * self.size + subscriber.number
        assert counter < SESSION_COUNTER, "the counter of a MikroTik has five hexadecimal digits"
        return f"810{counter:05x}"
