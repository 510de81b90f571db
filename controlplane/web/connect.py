"""How a program talks to a deployment: the gateway's address, and programs that are ready to run.

The programs lie in `snippets/` as they are shown, but for address and model; tests run each one
against a real deployment. The key is always read from the environment: never in a file or address.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest

from models_app.models import Deployment

KEY_VARIABLE = "SLIPWAY_API_KEY"
FOLDER = Path(__file__).parent / "snippets"
LANGUAGES = {
    "curl": ("curl", "chat.sh"),
    "python": ("Python", "chat.py.txt"),
    "javascript": ("JavaScript", "chat.mjs"),
    "csharp": ("C#", "Program.cs"),
    "cpp": ("C++", "chat.cpp"),
    "ollama": ("Ollama (Python)", "ollama.py.txt"),
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program: its key, the language's name, and its text."""

    key: str
    title: str
    text: str


def snippets(root: str, model: str) -> list[Snippet]:
    """Return the programs for a model behind the gateway at `root` (scheme, host and port)."""
    return [
        Snippet(key, title, _filled(_source(file), root, model))
        for key, (title, file) in LANGUAGES.items()
    ]


def connect_context(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return the gateway's address as this browser reaches it, and the programs."""
    root = f"{request.scheme}://{request.get_host()}"
    return {
        "base_url": f"{root}/v1",
        "snippets": snippets(root, deployment.name),
        "key_variable": KEY_VARIABLE,
    }


def _filled(text: str, root: str, model: str) -> str:
    places = {"{{ base }}": f"{root}/v1", "{{ root }}": root, "{{ model }}": model}
    for place, value in places.items():
        text = text.replace(place, value)
    return text.rstrip("\n")


@cache
def _source(file: str) -> str:
    return (FOLDER / file).read_text()
