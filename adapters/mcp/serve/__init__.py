"""An MCP server of the gateway's own: SQL, command lines and kubectl on its targets, for agents without drivers."""
