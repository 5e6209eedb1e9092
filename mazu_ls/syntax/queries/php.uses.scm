(function_call_expression function: (name) @call)
(scoped_call_expression name: (name) @call)
(member_call_expression name: (name) @member)
(namespace_use_clause (qualified_name (name) @import .))
