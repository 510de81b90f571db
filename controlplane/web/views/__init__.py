"""One file of function views per resource."""
