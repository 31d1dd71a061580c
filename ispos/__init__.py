"""Puts the parts together: one process (embedded), or one per service (distributed)."""
