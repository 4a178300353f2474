"""What `hoopaddon login` does on the user's own machine (RFC 8252)."""
