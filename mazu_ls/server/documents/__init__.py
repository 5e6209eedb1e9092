"""Open documents and notebooks, and the edits that reach them."""
