"""Sockets: two connections held together, with TLS, back-pressure, timeouts and limits. Knows no protocol."""
