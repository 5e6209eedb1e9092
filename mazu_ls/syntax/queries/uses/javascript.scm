(call_expression function: (identifier) @call)
(new_expression constructor: (identifier) @call)
(import_specifier name: (identifier) @import)
(import_clause (identifier) @import)
