"""Names of attributes in the standard tables, as FreeRADIUS's dictionaries give them."""

from __future__ import annotations

from typing import Final

# For checks.
AUTH_TYPE: Final = "Auth-Type"
NT_PASSWORD: Final = "NT-Password"  # noqa: S105 - a name
SIMULTANEOUS_USE: Final = "Simultaneous-Use"
# A value of Auth-Type: the login is refused, whatever its password.
REJECT: Final = "Reject"

# For replies.
ACCT_INTERIM_INTERVAL: Final = "Acct-Interim-Interval"
CLASS: Final = "Class"
FRAMED_IP_ADDRESS: Final = "Framed-IP-Address"
FRAMED_POOL: Final = "Framed-Pool"
MIKROTIK_ADDRESS_LIST: Final = "Mikrotik-Address-List"
MIKROTIK_RATE_LIMIT: Final = "Mikrotik-Rate-Limit"
SESSION_TIMEOUT: Final = "Session-Timeout"
# Not sent to the NAS: whether the reply also contains the next group.
FALL_THROUGH: Final = "Fall-Through"
