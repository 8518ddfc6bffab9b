"""Exports: the report of a meeting, on its way to where a team works."""
