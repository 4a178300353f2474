"""What a request means: discovery, verbs, negotiation, errors."""
