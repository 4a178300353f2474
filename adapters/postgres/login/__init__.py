"""From a connection's first byte to a session: encryption, who the client is, and the gateway's own login."""
