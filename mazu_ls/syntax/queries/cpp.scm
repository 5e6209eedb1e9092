(class_specifier name: (_) @name body: (_)) @class
(struct_specifier name: (template_type name: (_) @name) body: (_)) @struct
(namespace_definition name: (_) @name) @module
(concept_definition name: (identifier) @name) @type
(alias_declaration name: (type_identifier) @name) @type
(function_definition declarator: (function_declarator declarator:
  [(field_identifier) (qualified_identifier) (destructor_name) (operator_name)] @name)) @function
(function_definition declarator: (_ (function_declarator declarator:
  [(field_identifier) (qualified_identifier) (destructor_name) (operator_name)] @name))) @function
(field_declaration declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name)) @method
(field_declaration declarator: (_ (function_declarator declarator: [(field_identifier) (operator_name)] @name))) @method
(declaration declarator: (function_declarator declarator: (destructor_name) @name)) @method
