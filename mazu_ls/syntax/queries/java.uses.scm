(method_invocation !object name: (identifier) @call)
(method_invocation object: (_) name: (identifier) @member)
