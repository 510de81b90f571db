"""The papers say what is true: links lead somewhere, commands exist and do what they promise."""
