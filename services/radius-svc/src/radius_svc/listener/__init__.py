"""The data plane: a separate process that answers RADIUS packets.

It depends on nothing but the database: no bus, no other service, no nameko, no eventlet (docs/adr/0006).
"""
