"""The sockets that Tornado serves on: of an address, of a name, or of every address."""

import socket

EVERYWHERE = "*"


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen there; port 0 is any. Raises `OSError`, and leaves none open then."""
    if host == EVERYWHERE and socket.has_dualstack_ipv6():
        made = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server(("" if host == EVERYWHERE else host, port), family=family)
    made.setblocking(False)
    return [made]
