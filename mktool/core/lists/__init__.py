"""Lists of people and records: read as streams, and written anew as a whole."""
