"""Running all of Slipway on one machine with one command: checks, preparation, supervision."""
