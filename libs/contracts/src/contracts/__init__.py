"""The messages that the services of ISP-OS exchange.

There is one module per service, with its enums, views, commands, events and a `Protocol` of its RPC
methods. Everything is a frozen dataclass or a plain type, so any framework can carry it. On the wire it is
plain JSON: money in integer minor units, instants in UTC, dates as `YYYY-MM-DD`, enums by value.

Rules that several services share (which statuses are open, which holds are active) are properties here.
Properties are never sent.
"""
