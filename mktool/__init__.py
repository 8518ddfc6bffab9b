"""One command for everything a team sends out and reads back."""

__version__ = "0.1.0"
