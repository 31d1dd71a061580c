"""PDF documents. A separate process makes them: `worker` is that process, `renderer` our side of it."""
