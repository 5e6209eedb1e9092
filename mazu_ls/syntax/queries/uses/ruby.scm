(call !receiver method: (identifier) @call)
