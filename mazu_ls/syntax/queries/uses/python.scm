; Where a name is used in a way that tells what it is: @call by its bare name, @import.
(call function: (identifier) @call)
(decorator (identifier) @call)
(import_from_statement name: (dotted_name (identifier) @import .))
(import_from_statement name: (aliased_import name: (dotted_name (identifier) @import .)))
