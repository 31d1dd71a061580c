"""python -m subscriber_svc serve | migrate | dead-letters"""

import servicekit.green  # noqa: F401  # must come first
from servicekit.runner import main

from subscriber_svc.service import SubscriberService

if __name__ == "__main__":
    main(SubscriberService, "subscriber_svc")
