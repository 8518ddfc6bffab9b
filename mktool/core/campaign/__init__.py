"""Campaigns: one message to many recipients, resumable, each of them once."""
