"""Logging people and agents in: the gateway's login service, and in `client` what `hoopaddon login` does."""
