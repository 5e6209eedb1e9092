"""The client at the other end: capabilities, questions, language services, notifications."""
