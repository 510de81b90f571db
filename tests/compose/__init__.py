"""The containers of compose/, run for real."""
