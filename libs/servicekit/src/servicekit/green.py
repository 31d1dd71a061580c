"""Makes the standard library cooperative. Import it first in every process that runs nameko.

Never import it in the RADIUS listener, which is a plain process (docs/adr/0006).
"""

import gc
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # eventlet warns of its deprecation; see docs/adr/0002
    import eventlet

eventlet.monkey_patch()

# A start creates several hundred thousand objects that stay. Looking for garbage among them after each 700,
# as Python does by default, takes a seventh of its time. See also Host.start.
gc.set_threshold(50_000)
