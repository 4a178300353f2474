"""Pods' processes: logs, exec, attach, port-forward."""
