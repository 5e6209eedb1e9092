(invocation_expression function: (identifier) @call)
