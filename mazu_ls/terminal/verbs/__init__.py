"""What may be typed after mazu-ls, and the commands that are the terminal's own."""
