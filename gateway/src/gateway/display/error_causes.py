"""Why a router refuses a CoA-Request or Disconnect-Request: Error-Cause (RFC 5176, section 3.6), in words."""

from __future__ import annotations

SESSION_CONTEXT_NOT_FOUND = 503

# The name, and what it means to the operator.
CAUSES = {
    201: (
        "Residual-Session-Context-Removed",
        "the session had already ended; what was left of it was removed",
    ),
    202: ("Invalid-EAP-Packet", "the packet was invalid and was ignored"),
    401: ("Unsupported-Attribute", "the router doesn't support an attribute in the request"),
    402: ("Missing-Attribute", "the request lacks an attribute that the router needs"),
    403: ("NAS-Identification-Mismatch", "the request named a different router"),
    404: ("Invalid-Request", "the router couldn't understand the request"),
    405: ("Unsupported-Service", "the router doesn't support the requested service"),
    406: ("Unsupported-Extension", "the router doesn't support this kind of request"),
    407: ("Invalid-Attribute-Value", "the router doesn't accept a value in the request"),
    501: ("Administratively-Prohibited", "the router's settings don't allow this"),
    502: ("Proxy-Request-Not-Routable", "a proxy doesn't know the router"),
    503: ("Session-Context-Not-Found", "the router has no such session, so it has already ended"),
    504: ("Session-Context-Not-Removable", "the router can't end this session"),
    505: ("Proxy-Processing-Error", "a proxy couldn't forward the request"),
    506: ("Resources-Unavailable", "the router has too few resources right now"),
    507: ("Request-Initiated", "the router has started and will respond later"),
    508: ("Multiple-Session-Selection-Unsupported", "the router can change only one session at a time"),
}


def name_of(cause: int | None) -> str | None:
    """Session-Context-Not-Found; None without a cause, and for one that the RFC does not name."""
    return CAUSES[cause][0] if cause in CAUSES else None


def in_words(cause: int | None) -> str:
    """503 Session-Context-Not-Found: the router has no such session, so it has already ended"""
    if cause is None:
        return "no reason given"
    if cause not in CAUSES:
        return f"Error-Cause {cause}"
    name, meaning = CAUSES[cause]
    return f"{cause} {name}: {meaning}"
