"""Starts ISP-OS: everything in one process (embedded), or one process per service (distributed)."""
