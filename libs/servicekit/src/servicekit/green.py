"""Makes the standard library cooperative. Import it first in every process that runs nameko.

Never import it in the RADIUS listener, which is a plain process (docs/adr/0006).
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # eventlet warns of its deprecation; see docs/adr/0002
    import eventlet

eventlet.monkey_patch()
