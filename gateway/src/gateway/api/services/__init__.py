"""Services: what a subscriber has, the holds on it, and its sessions."""
