"""A conversation in a terminal: prompt, slash commands, questions."""
