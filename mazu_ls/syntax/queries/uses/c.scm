(call_expression function: (identifier) @call)
