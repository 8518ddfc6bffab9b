"""Use cases: everything the terminal can do is a function here. No vendor is named."""
