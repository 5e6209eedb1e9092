"""Sentence encoders that the hub of Hugging Face offers: which ones, and how one is downloaded."""
