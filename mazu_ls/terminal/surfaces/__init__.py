"""What a terminal shows and asks on: lines, JSON for a program; the drawn screen is one more."""
