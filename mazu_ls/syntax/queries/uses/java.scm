(method_invocation !object name: (identifier) @call)
