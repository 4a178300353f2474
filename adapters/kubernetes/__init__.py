"""Kubernetes: the API, and what is opened through it."""
