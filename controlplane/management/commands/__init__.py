"""Commands an operator or a developer types."""
