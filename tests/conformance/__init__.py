"""What every adapter has to pass, against real servers and with real clients."""
