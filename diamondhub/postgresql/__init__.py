"""Django's backend for PostgreSQL, with deadlines of our own for processes that people and shops wait for."""
