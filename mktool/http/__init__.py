"""Talking to vendors: auth schemes, limits, retries, classification. Only `wire` knows httpx."""
