"""Lists: filters, search and exports."""

from datetime import timedelta

import pytest
from contracts.radius import ReconnectView, SessionView
from contracts.subscriber import CreateSubscriber, NewService
from gateway.models import Role
from gateway_fakes import NOW
from page_forms import subscriber_form


def _create(form):
    names = ("pppoe_username", "pppoe_password", "plan_id", "router_id")
    return CreateSubscriber(
        full_name=form["full_name"], service=NewService(**{name: form[name] for name in names})
    )


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/subscribers", 3),
        ("/billing", 1),
        ("/payments", 1),
        ("/sessions", 3),
        ("/plans", 1),
        ("/routers", 2),
    ],
)
def test_list_makes_one_call_to_each_service_it_shows(browser, subscriber, invoice_id, world, path, most):
    world.calls.clear()
    browser.get(path)
    assert len(world.calls) <= most, [method for _, method, _ in world.calls]


def test_list_is_filtered_sorted_and_exported_by_its_address(browser, subscriber, invoice_id, world):
    page = browser.get("/billing?q=Pedro&status=open&order=-total").text
    assert "/invoices.csv?q=Pedro&amp;status=open&amp;order=-total" in page
    exported = browser.get("/invoices.csv?q=Pedro&status=open&order=-total")
    assert exported.content_type.startswith("text/csv")
    assert "Pedro Reyes" in exported.text
    assert "Pedro Reyes" not in browser.get("/invoices.csv?q=nobody").text


def test_quick_dates_keep_the_other_filters(browser, world):
    page = browser.get("/payments?q=GC&method=gcash&after=0").text
    assert "Received from</span>" in page
    last_month = "from=2026-10-01&amp;until=2026-10-31"
    assert f'href="/payments?q=GC&amp;method=gcash&amp;{last_month}">Last month' in page


def test_folded_filters_say_how_many_are_in_use(browser):
    assert "in use" not in browser.get("/payments?q=GC").text
    assert "2 in use" in browser.get("/payments?q=GC&method=gcash&from=2026-12-01").text


def test_date_filters_show_dates_in_the_format_of_the_isp(browser):
    page = browser.get("/billing?due_from=2027-01-05").text
    assert 'data-shown="5 Jan 2027"' in page
    assert 'data-shown="Any day"' in page


def test_filter_form_keeps_the_filters_already_set(browser, subscriber, invoice_id):
    page = browser.get(f"/billing?subscriber={subscriber['id']}&order=-total&q=INV").text
    assert "Showing invoices for Pedro Reyes" in page
    assert f'<input type="hidden" name="subscriber" value="{subscriber["id"]}">' in page
    assert '<input type="hidden" name="order" value="-total">' in page
    assert '<input type="hidden" name="q"' not in page


@pytest.mark.parametrize(
    "path", ["/plans.csv", "/routers.csv", "/reconnects.csv", "/sessions.csv", "/billing/suspensions-due.csv"]
)
def test_every_list_can_be_exported(browser, subscriber, path):
    answer = browser.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.text.startswith("\ufeff")


def test_export_has_every_page_of_the_list(browser, world, router_id, plan_id):
    for number in range(205):
        form = subscriber_form(plan_id, router_id)
        form |= {"full_name": f"Person {number}", "pppoe_username": f"person.{number}"}
        world.fakes["subscriber"][1].create_subscriber(_create(form))
    lines = browser.get("/subscribers.csv").text.splitlines()
    assert len(lines) == 206


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_name_is_never_a_formula_in_an_export(browser, plan_id, router_id, name):
    browser.post("/subscribers/new", subscriber_form(plan_id, router_id) | {"full_name": name})
    assert f"'{name}" in browser.get("/subscribers.csv").text


def test_search_covers_all_services_and_names_those_that_failed(browser, subscriber, invoice_id, world):
    found = browser.get("/search?q=Pedro").text
    assert f"/subscribers/{subscriber['id']}" in found
    assert f"/invoices/{invoice_id}" in found
    world.down.add("billing")
    assert "Invoices can't be searched" in browser.get("/search?q=Pedro").text
    assert "No results" in browser.get("/search?q=%3Cb%3Enobody").text


def test_csv_of_a_run_has_items_with_and_without_an_amount(browser, api, world, subscriber):
    runs = [api("POST", "/billing-runs", {}).json["id"] for _ in range(2)]
    created, skipped = (browser.get(f"/billing/runs/{run}.csv").text for run in runs)
    assert "Created,,1500.00,PHP" in created
    assert ",0.00,PHP" in skipped


def _session(service_id, username="pedro.reyes", **changes):
    given = {"router_id": None, "acct_session_id": "81", "framed_ip_address": "10.0.0.7"}
    given |= {"calling_station_id": "02:AB:CD:00:00:01", "started_at": NOW, "updated_at": None}
    given |= {"stopped_at": None, "input_octets": 5, "output_octets": 7, "terminate_cause": None}
    return SessionView(id=username, username=username, service_id=service_id, **given | changes)


class TestSessions:
    @pytest.fixture
    def pedro(self, world, subscriber):
        service_id = subscriber["services"][0]["id"]
        world.sessions = [_session(service_id), _session(None, "nobody")]
        return service_id

    def test_subscribers_are_named_with_one_call(self, browser, world, pedro, subscriber):
        world.calls.clear()
        page = browser.get("/sessions").text
        assert f'href="/subscribers/{subscriber["id"]}">Pedro Reyes</a>' in page
        assert "nobody" in page
        owners = [arguments for _, method, arguments in world.calls if method == "list_service_owners"]
        assert owners == [{"service_ids": [pedro]}]

    def test_are_listed_by_username_while_nobody_knows_the_names(self, browser, world, pedro):
        world.down.add("subscriber")
        page = browser.get("/sessions").text
        assert f'href="/services/{pedro}">pedro.reyes</a>' in page
        assert "Pedro Reyes" not in page

    def test_open_ones_of_a_service_can_be_disconnected_from_the_list(self, browser, world, pedro):
        assert browser.get("/sessions").text.count("/kick") == 2  # the link and its dialog, of one session
        world.sessions = [_session(pedro, stopped_at=NOW)]
        assert "/kick" not in browser.get("/sessions?show=all").text

    def test_technician_sees_names_and_staff_cannot_disconnect(self, browser_as, pedro):
        technician, staff = browser_as(Role.TECHNICIAN), browser_as(Role.STAFF)
        assert "Pedro Reyes" in technician.get("/sessions").text
        assert "/kick" in technician.get("/sessions").text
        assert "/kick" not in staff.get("/sessions").text

    def test_that_reach_only_the_payment_page_are_amber(self, browser, world, pedro):
        world.sessions = [_session(pedro, suspended=True)]
        assert '<span class="status-badge warn">Payment page only</span>' in browser.get("/sessions").text


def test_reconnects_name_the_day_once_and_the_subscriber(browser, world, subscriber):
    service_id = subscriber["services"][0]["id"]
    case = ReconnectView(
        id="1",
        service_id=service_id,
        username="pedro.reyes",
        payment_id=None,
        paid_at=NOW,
        released_at=NOW,
        authorized_at=NOW,
        router_acked_at=NOW,
        online_at=NOW + timedelta(days=1),
        milliseconds=412,
        how="redial",
    )
    world.reconnects = [case]
    page = browser.get("/reconnects").text
    assert "Pedro Reyes" in page
    assert page.count("23 Nov 2026") == 1
    assert page.count(">10:00:00<") == 3
    assert "24 Nov 2026, 10:00:00" in page
