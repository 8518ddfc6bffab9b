"""The terminal: arguments in, tables or JSON out. The only layer that knows typer and rich."""
