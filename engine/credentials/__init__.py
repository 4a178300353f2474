"""Where credentials are kept, one module for each kind, and how long the gateway keeps what it has fetched."""
