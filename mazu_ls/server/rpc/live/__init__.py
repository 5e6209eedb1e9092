"""The live socket of an open project: other mazu-ls processes of this user ask here instead of opening it again."""
