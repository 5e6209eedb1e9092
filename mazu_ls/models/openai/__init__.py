"""OpenAI's two APIs and their dialects: client, requests, streams."""
