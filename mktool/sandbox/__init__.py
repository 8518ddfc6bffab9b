"""Every vendor on one loopback port: tokens, pages, limits, refusals, and an inbox to look at."""
