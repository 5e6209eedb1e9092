"""What other coding agents left on the disk: their transcripts, rules and memory files."""
