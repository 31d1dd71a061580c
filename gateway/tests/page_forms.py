"""What a person types into the forms of the admin pages."""

PLAN_FORM = {
    "name": "Fiber 50 Mbps",
    "price": "1,500.00",
    "download_kbps": "50Mbps",
    "upload_kbps": "50",
    "billing_type": "postpaid",
}


def subscriber_form(plan_id, router_id):
    return {
        "full_name": "Juan dela Cruz",
        "email": "juan@example.com",
        "phone": "09171234567",
        "pppoe_username": "juan.delacruz",
        "pppoe_password": "pppoe-pass-01",
        "plan_id": plan_id,
        "router_id": router_id,
        "individual_price": "",
        "discount_value": "",
    }
