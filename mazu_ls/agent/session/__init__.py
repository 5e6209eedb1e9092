"""Sessions: conversations, their branches, compaction and recovery."""
