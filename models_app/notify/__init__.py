"""The only door out of the ledger: task names for the hands, groups and payloads for browsers."""
