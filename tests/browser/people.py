"""What is typed for each subscriber: Juan pays on time, Pedro pays late, Maria has an admin hold."""

from __future__ import annotations

from dataclasses import dataclass

ROUTER = "Main Router - Brgy. San Jose"
PLAN = "Fiber 50 Mbps"


@dataclass(frozen=True)
class Person:
    full_name: str
    email: str
    phone: str
    username: str
    password: str


JUAN = Person("Juan dela Cruz", "juan@example.com", "09171234567", "juan.delacruz", "pppoe-pass-01")
MARIA = Person("Maria Santos", "maria@example.com", "09171234568", "maria.santos", "pppoe-pass-02")
PEDRO = Person("Pedro Reyes", "pedro@example.com", "09171234569", "pedro.reyes", "pppoe-pass-03")
EVERYBODY = (JUAN, MARIA, PEDRO)
