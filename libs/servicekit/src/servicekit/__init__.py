"""What every service is built on: nameko, SQLAlchemy and Prometheus, put together once."""
