"""A double of kube-apiserver: its API, without a cluster behind it."""
