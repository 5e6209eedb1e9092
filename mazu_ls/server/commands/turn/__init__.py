"""Commands that run or examine turns."""
