"""Sources to entries and records: read a file, map each row, refuse what cannot be read, write."""
