"""Changing files: exact replacement and whole files, as the model was shown them."""
