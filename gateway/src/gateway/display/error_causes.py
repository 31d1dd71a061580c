"""Why a router refuses a CoA-Request or Disconnect-Request: Error-Cause (RFC 5176, section 3.6), in words."""

from __future__ import annotations

SESSION_CONTEXT_NOT_FOUND = 503

# The name, and what it means to whoever looks after the line.
CAUSES = {
    201: ("Residual-Session-Context-Removed", "the session had ended, what was left of it is removed"),
    202: ("Invalid-EAP-Packet", "the packet was not valid and was ignored"),
    401: ("Unsupported-Attribute", "the router does not know something that it was told to change"),
    402: ("Missing-Attribute", "the router needs something that the request did not carry"),
    403: ("NAS-Identification-Mismatch", "the request named another router than this one"),
    404: ("Invalid-Request", "the router could not make sense of the request"),
    405: ("Unsupported-Service", "the router does not offer what was asked for"),
    406: ("Unsupported-Extension", "the router does not do this kind of request"),
    407: ("Invalid-Attribute-Value", "the router does not accept a value that it was given"),
    501: ("Administratively-Prohibited", "the router is set not to do this"),
    502: ("Proxy-Request-Not-Routable", "a proxy on the way does not know the router"),
    503: ("Session-Context-Not-Found", "the router has no such session, so the line is off already"),
    504: ("Session-Context-Not-Removable", "the router has the session and cannot end it"),
    505: ("Proxy-Processing-Error", "a proxy on the way could not pass it on"),
    506: ("Resources-Unavailable", "the router has no room for it now"),
    507: ("Request-Initiated", "the router has begun with it and answers later"),
    508: ("Multiple-Session-Selection-Unsupported", "the router does one session at a time only"),
}


def name_of(cause: int | None) -> str | None:
    """Session-Context-Not-Found; None without a cause, and for one that the RFC does not name."""
    return CAUSES[cause][0] if cause in CAUSES else None


def in_words(cause: int | None) -> str:
    """503 Session-Context-Not-Found: the router has no such session, so the line is off already"""
    if cause is None:
        return "it gave no reason"
    if cause not in CAUSES:
        return f"Error-Cause {cause}"
    name, meaning = CAUSES[cause]
    return f"{cause} {name}: {meaning}"
