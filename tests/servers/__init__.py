"""Real servers for the tests, each this process's own."""
