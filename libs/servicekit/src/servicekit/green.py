"""Import this first in every process that runs nameko: it makes the standard library cooperative.

Never import it in the RADIUS listener: that is a plain process (docs/adr/0006).
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # eventlet announces its retirement at import; see docs/adr/0002
    import eventlet

eventlet.monkey_patch()
