"""The vocabulary: what an entry, a record, a control, a requirement and a result are. No I/O."""
