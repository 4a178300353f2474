"""One folder per protocol; each registers itself under the entry point `hoopaddon.adapters`."""
