"""The Docker runtime: engines as hardened containers on hosts that run a Docker engine."""
