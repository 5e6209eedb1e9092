"""The surfaces of a terminal: plain lines, JSON for a program; the drawn screen is one more."""
