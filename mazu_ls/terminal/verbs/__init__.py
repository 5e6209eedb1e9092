"""What may be typed after mazu-ls, and the terminal's own commands."""
