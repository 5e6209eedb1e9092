"""Anthropic's Messages API: client, request, stream."""
