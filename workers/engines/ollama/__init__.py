"""Ollama: as a server of its own in a container, or a model on a shared server."""
