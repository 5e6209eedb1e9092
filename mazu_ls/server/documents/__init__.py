"""Open documents and notebooks, and edits of them."""
