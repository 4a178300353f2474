"""An MCP server of the gateway's own: SQL and command lines on its targets, for agents that have no drivers."""
