from contracts.money import Money
from testkit.examples import a_plan, a_service, billing_settings


def test_examples_take_the_changes_a_test_asks_for():
    plan = a_plan(price=Money(99_900))
    service = a_service(plan=plan, pppoe_username="juan.delacruz")

    assert service.plan.price == Money(99_900)
    assert service.pppoe_username == "juan.delacruz"
    assert billing_settings(grace_period_days=0).grace_period_days == 0


def test_two_example_services_are_different_services():
    assert a_service().id != a_service().id
