"""The file `hoopaddon.yaml`: what the gateway stands in front of, with which policies and options."""
