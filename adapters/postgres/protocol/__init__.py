"""The bytes of PostgreSQL's protocol: messages and their parts. No socket, no clock, no policy."""
