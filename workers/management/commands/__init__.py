"""Commands of the hands that an operator or the supervisor calls."""
