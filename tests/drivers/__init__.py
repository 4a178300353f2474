"""Drivers' own test suites, run directly and through the gateway."""
