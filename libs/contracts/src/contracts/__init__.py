"""What the services of ISP-OS say to one another.

One module per service: enums, views, commands, events, errors and a `Protocol` of its RPC methods.
Frozen dataclasses and plain types only, so that any framework can carry them. On the wire everything is
plain JSON: money in integer minor units, instants in UTC, dates as `YYYY-MM-DD`, enums by value.
"""
