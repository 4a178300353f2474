"""What a request to the Kubernetes API asks for, read as its server reads it."""
