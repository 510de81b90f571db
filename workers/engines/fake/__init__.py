"""An engine that serves no model but speaks the protocol for real; for tests and demos."""
