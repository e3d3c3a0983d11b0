"""CPython's own tests, on rewritten copies of what they test."""
