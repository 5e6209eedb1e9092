(function_call_expression function: (name) @call)
(scoped_call_expression name: (name) @call)
(namespace_use_clause (qualified_name (name) @import .))
