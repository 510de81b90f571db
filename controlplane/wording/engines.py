"""What engines are called; one that is not known here is called by its key."""

_WORDS = {"llamacpp": "llama.cpp", "ollama": "Ollama", "fake": "Fake engine"}


def engine_word(key: str) -> str:
    """Return the name of an engine for people."""
    return _WORDS.get(key, key)
