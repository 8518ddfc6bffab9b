"""What mktool keeps on this machine: settings, accounts, credentials, the ledger, and its locks."""
