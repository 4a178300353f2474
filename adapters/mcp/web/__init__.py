"""MCP over HTTP: each request a message, each answer one or a stream of them."""
