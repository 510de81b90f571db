"""Forms: what people type, checked for its shape; what it means is checked by the services."""
