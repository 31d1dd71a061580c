"""Documents as PDF. They are made by a process of their own: `worker` there, `renderer` is our side of it."""
