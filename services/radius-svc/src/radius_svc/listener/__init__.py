"""The data plane: a process of its own that answers RADIUS packets.

It knows the database and nothing else: no bus, no other service, no nameko, no eventlet.
"""
