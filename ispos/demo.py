"""The demo: a simulated router with three homes behind it, and a month of billing in a minute.

It works on the real system through the REST API, as an integrator would.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Callable
from typing import Any

import eventlet
import requests

from ispos import embedded
from ispos.keys import prepare_data_dir
from ispos.processes import Child
from ispos.settings import Installation, read_installation

OWNER = {"ISPOS_OWNER_EMAIL": "owner@example.com", "ISPOS_OWNER_PASSWORD": "demo-owner-password"}
ROUTER, PLAN = "Main Router - Brgy. San Jose", "Fiber 50 Mbps"
INTERIM_SECONDS = "20"  # short, so that usage soon shows up
PRICE = {"amount": 150000, "currency": "PHP"}
SUBSCRIBERS = (
    ("Juan dela Cruz", "juan@example.com", "09171234567", "juan.delacruz", "pppoe-pass-01"),
    ("Maria Santos", "maria@example.com", "09171234568", "maria.santos", "pppoe-pass-02"),
    ("Pedro Reyes", "pedro@example.com", "09171234569", "pedro.reyes", "pppoe-pass-03"),
)
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 2.0


def run() -> None:
    """Start on a separate data folder (data/demo) with a movable clock, and show the guided tour."""
    os.environ.setdefault("ISPOS_DATA_DIR", "data/demo")
    os.environ["ISPOS_CLOCK"] = "movable"
    for name, value in OWNER.items():
        os.environ.setdefault(name, value)
    prepare_data_dir()
    settings = read_installation()
    tour = Tour(settings)
    embedded.run(settings, when_ready=lambda: eventlet.spawn_n(tour.show), before_stop=tour.end)


class Tour:
    """Performs and explains each step. A second start on the same data skips the steps."""

    def __init__(self, settings: Installation) -> None:
        self._settings = settings
        self._api = Api(settings)
        self._secret_file = settings.data_dir / "simulated-router.secret"
        self._coa_port = find_coa_port()
        self._router: Child | None = None

    def show(self) -> None:
        try:
            self._show()
        except (requests.RequestException, TimeoutError) as error:
            say(f"The tour stopped: {error}. The system is still running.")

    def end(self) -> None:
        if self._router is not None:
            self._router.ask_to_stop()
            self._router.wait_stopped(5)

    def _show(self) -> None:
        self._api.sign_in()
        if self._secret_file.exists():
            say("Welcome back. The demo data from last time is still here.")
            router = next(one for one in self._api.get("/routers")["data"] if one["name"] == ROUTER)
            self._api.patch(f"/routers/{router['id']}", {"coa_port": self._coa_port})
            self._dial(self._secret_file.read_text())
        else:
            self._first_cycle()
        self._what_next()

    def _first_cycle(self) -> None:
        api = self._api
        title("Step 1: connect the router")
        secret = secrets.token_hex(16)
        address = {"nas_address": "127.0.0.1", "radius_secret": secret, "coa_port": self._coa_port}
        router = api.post("/routers", {"name": ROUTER, "connection": "manual", **address})
        self._secret_file.touch(mode=0o600)
        self._secret_file.write_text(secret)
        say(f"Added {ROUTER}. It is simulated, but speaks real RADIUS.")

        title("Step 2: create a billing plan")
        speeds = {"download_kbps": 50000, "upload_kbps": 50000}
        plan = api.post("/plans", {"name": PLAN, "price": PRICE, "billing_type": "postpaid", **speeds})
        say(f"Created {PLAN}: ₱1,500.00 a month, postpaid.")

        title("Step 3: add three subscribers")
        people = {}
        for name, email, phone, username, password in SUBSCRIBERS:
            login = {"pppoe_username": username, "pppoe_password": password}
            service = {**login, "plan_id": plan["id"], "router_id": router["id"]}
            contact = {"full_name": name, "email": email, "phone": phone}
            people[username] = api.post("/subscribers", {**contact, "service": service})
            say(f"Added {name}. The login {username} works immediately.")
        say("The three home routers dial in:")
        self._dial(secret)
        self._wait("all three online", lambda: len(api.get("/sessions?open=true")["data"]) == 3)

        title("Step 4: generate invoices")
        run = api.post("/billing-runs", {})
        self._wait("the run", lambda: api.get(f"/billing-runs/{run['id']}")["status"] == "finished")
        invoices = {invoice["subscriber_id"]: invoice for invoice in api.get("/invoices")["data"]}
        for person in people.values():
            invoice = invoices[person["id"]]
            say(f"{invoice['number']}  {person['full_name']:<15} ₱1,500.00  Sent  due {invoice['due_on']}")

        title("Step 5: Juan pays with GCash; Maria gets an admin hold")
        juan, maria, pedro = (people[username] for _, _, _, username, _ in SUBSCRIBERS)
        self._pay(juan, "gcash", "GCash-20260408-001", invoices[juan["id"]]["id"])
        say("Juan's invoice: " + api.get(f"/invoices/{invoices[juan['id']]['id']}")["status"].capitalize())
        hold = {"reason": "admin", "note": "Demo: only an operator can release this"}
        api.post(f"/services/{maria['services'][0]['id']}/holds", hold)
        self._wait("Maria suspended", lambda: status_of(api, maria) == "suspended")

        title("Step 6: Pedro does not pay; skip ahead three weeks")
        moved = api.put("/clock", {"advance_days": 21})
        say(f"It is now {moved['date']}.")
        self._wait("Pedro suspended", lambda: status_of(api, pedro) == "suspended")
        say("Pedro is suspended. His connection reaches only the payment page.")
        pause()
        say("Pedro and Maria pay.")
        self._pay(maria, "cash", "")
        self._pay(pedro, "gcash", "GCash-20260429-002")
        self._wait("Pedro restored", lambda: status_of(api, pedro) == "active")
        reconnects = f"/services/{pedro['services'][0]['id']}/reconnects"
        self._wait("Pedro online", lambda: api.get(reconnects)["data"][0]["online_at"])
        case = api.get(reconnects)["data"][0]
        say(f"Pedro is back online {case['seconds']} s after he paid (the promise: within 30 s).")
        say(f"Maria paid too, but is still {status_of(api, maria)}: a payment never releases an admin hold.")

    def _dial(self, secret: str) -> None:
        """Start the simulated router in a separate process, which prints what happens on it."""
        settings = self._settings
        arguments = ["simulators.nas", "--secret", secret, "--coa-port", str(self._coa_port)]
        arguments += ["--auth-port", str(settings.listener.auth_port)]
        arguments += ["--acct-port", str(settings.listener.acct_port), "--identity", ROUTER]
        arguments += ["--interim-seconds", INTERIM_SECONDS]
        for *_, username, password in SUBSCRIBERS:
            arguments += ["--subscriber", f"{username}:{password}"]
        self._router = Child(
            "simulated router", arguments, os.environ, settings.data_dir / "simulated-router.pid"
        )
        self._router.replace_orphan()
        self._router.start()

    def _pay(self, person: dict, method: str, reference: str, invoice_id: str | None = None) -> None:
        payment = {"subscriber_id": person["id"], "amount": PRICE, "method": method, "reference": reference}
        self._api.post("/payments", {**payment, **({"invoice_id": invoice_id} if invoice_id else {})})
        say(f"{person['full_name']} paid ₱1,500.00 ({method}).")

    def _wait(self, what: str, condition: Callable[[], Any]) -> None:
        with eventlet.Timeout(WAIT_SECONDS, TimeoutError(f"{what} did not happen within {WAIT_SECONDS:g} s")):
            while not condition():
                eventlet.sleep(0.1)
        pause()

    def _what_next(self) -> None:
        address = self._settings.gateway.public_url
        title("Now try it yourself")
        email, password = (os.environ[name] for name in OWNER)
        say(f"Open {address}/ and log in as {email} / {password}")
        say(f"REST API: {address}/api/docs")
        say("Move the clock forward a week:")
        say(f"  curl -X PUT {address}/api/v1/clock -H 'Authorization: Bearer {self._api.token}' \\")
        say("       -H 'Content-Type: application/json' -d '{\"advance_days\": 7}'")
        say(f"To start over, press Ctrl-C and delete {self._settings.data_dir}")


class Api:
    """The REST API as the demo's owner."""

    def __init__(self, settings: Installation) -> None:
        self._address = f"http://{settings.gateway.http_host}:{settings.gateway.http_port}/api/v1"
        self._session = requests.Session()
        self.token = ""

    def sign_in(self) -> None:
        owner = (os.environ["ISPOS_OWNER_EMAIL"], os.environ["ISPOS_OWNER_PASSWORD"])
        self.token = self._call("POST", "/tokens", {"name": "demo"}, auth=owner)["token"]
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: dict) -> Any:
        return self._call("POST", path, body)

    def patch(self, path: str, body: dict) -> Any:
        return self._call("PATCH", path, body)

    def put(self, path: str, body: dict) -> Any:
        return self._call("PUT", path, body)

    def _call(self, method: str, path: str, body: dict | None = None, **more: Any) -> Any:
        answer = self._session.request(method, self._address + path, json=body, timeout=15, **more)
        answer.raise_for_status()
        return answer.json()


def status_of(api: Api, person: dict) -> str:
    return api.get(f"/services/{person['services'][0]['id']}")["status"]


def find_coa_port() -> int:
    """The simulated router's CoA port: 3799, as on RouterOS, or a free one if that is taken."""
    for port in (3799, 0):
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free UDP port on 127.0.0.1")


def title(text: str) -> None:
    pause()
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def pause() -> None:
    if sys.stdout.isatty():
        eventlet.sleep(PAUSE_SECONDS)
