"""Secrets that the model is not shown: their placeholders in what it writes."""
