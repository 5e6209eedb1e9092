"""What differs between operating systems, each behind one function that works or says what it cannot do."""
