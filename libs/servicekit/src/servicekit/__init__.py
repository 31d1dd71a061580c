"""What every service stands on: nameko, SQLAlchemy and prometheus glued together once, in one place."""
