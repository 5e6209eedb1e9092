"""Commands about sessions and their events."""
