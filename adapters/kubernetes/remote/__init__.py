"""What is opened through the API: exec, attach and port-forward, over WebSockets and over SPDY/3.1."""
