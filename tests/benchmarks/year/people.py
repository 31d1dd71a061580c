"""Subscribers whose traits follow from their number, so every run has the same people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from contracts import account_number
from contracts.subscriber import ServiceStatus
from servicekit.paging import folded

PASSWORD = "pppoe-pass-01"
FIRST_NAMES = (
    "Juan", "Maria", "Jose", "Ana", "Pedro", "Rosa", "Antonio", "Luz", "Ramon", "Teresa", "Carlos",
    "Elena", "Manuel", "Carmen", "Ricardo", "Gloria", "Miguel", "Cristina", "Fernando", "Isabel",
    "Eduardo", "Angela", "Roberto", "Marites", "Andres", "Josefina", "Rafael", "Lourdes", "Gabriel",
    "Corazon", "Daniel", "Imelda", "Marco", "Patricia", "Paolo", "Bianca", "Enrique", "Sofía",
    "Julio", "Niña",
)  # fmt: skip
LAST_NAMES = (
    "Santos", "Reyes", "Cruz", "Bautista", "Ocampo", "Garcia", "Mendoza", "Torres", "Tomas",
    "Andrada", "Castillo", "Flores", "Villanueva", "Ramos", "Castro", "Rivera", "Aquino", "Navarro",
    "Salazar", "Mercado", "Pascual", "Santiago", "Soriano", "Lim", "Tan", "Gonzales", "Domingo",
    "Delgado", "Peña", "Muñoz", "Valdez", "Aguilar", "Fernandez", "Hernandez", "Lopez", "Manalo",
    "Marquez", "Medina", "Natividad", "Pineda", "Quiambao", "Robles", "Sison", "Tolentino", "Uy",
    "Velasco", "Yap", "Zamora", "Dimaculangan", "Macaraeg",
)  # fmt: skip


class Standing(Enum):
    """How much of the newest invoice is unpaid, by the last two digits of the number."""

    SUSPENDED = range(3)
    LATE = range(3, 6)
    PARTLY = range(6, 7)
    NOT_DUE = range(7, 17)
    PAID = range(17, 100)


@dataclass(frozen=True)
class Person:
    number: int
    subscriber_id: str
    service_id: str
    created_at: datetime

    @property
    def full_name(self) -> str:
        first = FIRST_NAMES[self.number % len(FIRST_NAMES)]
        last = LAST_NAMES[self.number // len(FIRST_NAMES) % len(LAST_NAMES)]
        middle = chr(ord("A") + self.number * 7 % 26)
        return f"{first} {middle}. {last}"

    @property
    def username(self) -> str:
        return f"{folded(self.full_name).replace('. ', '.').replace(' ', '.')}.{self.number}"

    @property
    def short_id(self) -> str:
        return f"bench{self.number:07d}"

    @property
    def account_number(self) -> str:
        return account_number.complete(account_number.FIRST + self.number)

    @property
    def phone(self) -> str:
        return f"0917{self.number * 7_919 % 10_000_000:07d}"

    @property
    def standing(self) -> Standing:
        return next(standing for standing in Standing if self.number % 100 in standing.value)

    @property
    def suspended(self) -> bool:
        return self.standing is Standing.SUSPENDED

    @property
    def terminated(self) -> bool:
        return self.number % 100 == 98

    @property
    def has_credit(self) -> bool:
        return self.number % 100 == 99

    @property
    def was_suspended(self) -> bool:
        """Was suspended, paid, and was soon back online."""
        return self.number % 20 == 19

    @property
    def status(self) -> ServiceStatus:
        if self.terminated:
            return ServiceStatus.TERMINATED
        return ServiceStatus.SUSPENDED if self.suspended else ServiceStatus.ACTIVE

    @property
    def address(self) -> str:
        high, low = divmod(self.number, 250)
        return f"100.{64 + high // 250}.{high % 250}.{low + 1}"

    @property
    def mac(self) -> str:
        digits = f"{self.number:06X}"
        return f"48:A9:8A:{digits[:2]}:{digits[2:4]}:{digits[4:]}"
