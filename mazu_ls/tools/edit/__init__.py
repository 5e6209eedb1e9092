"""Edits files: exact replacement and whole files, in the form in which the model was shown them."""
