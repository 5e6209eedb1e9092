(invocation_expression function: (identifier) @call)
(invocation_expression function: (member_access_expression name: (identifier) @member))
