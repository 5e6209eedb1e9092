(call !receiver method: (identifier) @call)
(call receiver: (_) method: (identifier) @member)
