"""Django settings: base, and what test and production change of it."""
