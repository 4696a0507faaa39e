"""Takes entries in and seals them: write-ahead file, outbox, segments, headers, verification."""
