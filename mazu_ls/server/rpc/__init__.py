"""JSON-RPC: framing, transports, protocol, requests to the client, LSP types."""
