"""Work outside a conversation: one-shot questions, council, rewrites, memory extraction."""
