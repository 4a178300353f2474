"""Kubernetes: a double of kube-apiserver, and tests that any cluster passes."""
