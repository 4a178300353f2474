"""A session after its login: what goes out, what comes back, and what is judged on the way. No I/O."""
