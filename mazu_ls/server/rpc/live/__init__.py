"""The socket of a project that is open: other mazu-ls processes of this user ask here instead of opening it again."""
