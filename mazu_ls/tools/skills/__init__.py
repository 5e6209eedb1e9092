"""Skills and custom tools: Python functions with a schema, run in a process of their own."""
