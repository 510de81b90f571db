"""WHERE to run it: one folder per kind of host, the only users of their SDKs."""
