"""Words that every domain uses: time, numbers, ids, errors. No I/O."""
