"""python -m payment_svc serve | migrate | dead-letters"""

import servicekit.green  # noqa: F401  # must come first
from servicekit.runner import main

from payment_svc.service import PaymentService

if __name__ == "__main__":
    main(PaymentService, "payment_svc")
