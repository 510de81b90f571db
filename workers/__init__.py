"""The hands: everything that touches a host, an engine or the internet."""
