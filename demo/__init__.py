"""The demonstration: a real PostgreSQL, the gateway in front of it, and an agent that tries things."""
