"""What clients send: objects in JSON, YAML and protobuf, and patches of every type."""
