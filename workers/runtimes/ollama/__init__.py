"""An Ollama server that others may use too: a deployment is a model of ours on it."""
