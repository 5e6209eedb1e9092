"""MCP servers: connections, tools, results."""
