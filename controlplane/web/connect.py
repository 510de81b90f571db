"""How a program talks to a deployment: addresses and ready-made calls."""

import json
from typing import Any

from django.http import HttpRequest

from models_app.models import Deployment


def connect_context(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return the gateway's address and calls in curl and Python, with this deployment's name."""
    base = f"{request.scheme}://{request.get_host()}/v1"
    body = {
        "model": deployment.name,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }
    curl = "\n".join(
        (
            f"curl {base}/chat/completions \\",
            '  -H "Authorization: Bearer $SLIPWAY_TOKEN" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d '{json.dumps(body)}'",
        )
    )
    python = "\n".join(
        (
            "import os",
            "from openai import OpenAI",
            "",
            f'client = OpenAI(base_url="{base}", api_key=os.environ["SLIPWAY_TOKEN"])',
            "answer = client.chat.completions.create(",
            f'    model="{deployment.name}",',
            '    messages=[{"role": "user", "content": "Hello"}],',
            ")",
            "print(answer.choices[0].message.content)",
        )
    )
    return {"base_url": base, "curl": curl, "python": python}
