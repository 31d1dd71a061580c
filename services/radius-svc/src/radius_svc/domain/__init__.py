"""The rules: no I/O, no database, no framework; values in, values out."""
