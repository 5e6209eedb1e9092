; Where a name is used in a way that tells what it is: @call of something by its bare name, @member of some object, @import.
(call function: (identifier) @call)
(decorator (identifier) @call)
(call function: (attribute attribute: (identifier) @member))
(import_from_statement name: (dotted_name (identifier) @import .))
(import_from_statement name: (aliased_import name: (dotted_name (identifier) @import .)))
