"""A real model that thinks and calls a tool because its template leads it there.

SmolLM2-135M does neither by itself. The variant's template puts four finished examples before the
question and, where no tool is offered, opens the thinking; the model goes on as it sees fit, and so
far it repeats the pattern. What is tested is the way of the fields: the server cuts `thinking` and
`tool_calls` out of what a real model really wrote, not that this model is clever.
"""

import httpx

from models_app.domain.modelfile import parse_modelfile
from tests.ollama_server import OllamaHouse

BASE, NAME = "smollm2:135m", "led"
THOUGHT, GREETING = "The user wants a greeting.", "Hello there!"
QUESTION = "What is the weather in Rome?"
_THINKS = (
    "<|im_start|>user\nSay hello.<|im_end|>\n<|im_start|>assistant\n"
    f"<think>{THOUGHT}</think>{GREETING}<|im_end|>\n"
)
_CALLS = (
    f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
    '{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>\n'
)
_TEMPLATE = (
    f"{{{{- if .Tools }}}}{_CALLS * 4}{{{{ else }}}}{_THINKS * 4}{{{{ end }}}}"
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n"
    "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}"
    "{{ if .ToolCalls }}<tool_call>\n{{ range .ToolCalls }}"
    '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}'
    "{{ end }}\n</tool_call>{{ end }}<|im_end|>\n"
    "{{ end }}<|im_start|>assistant\n{{ if not .Tools }}<think>{{ end }}"
)
MODELFILE = f"""FROM {BASE}
PARAMETER temperature 0
PARAMETER seed 1
PARAMETER num_ctx 1024
PARAMETER num_thread 1
TEMPLATE \"\"\"{_TEMPLATE}\"\"\"
"""


def make_led_model(house: OllamaHouse) -> list[str]:
    """Make the variant of BASE, which lies there; return what the server says that it can do."""
    fields = dict(parse_modelfile(MODELFILE).request())
    body = {"model": NAME, "from": fields.pop("from_"), "stream": False, **fields}
    httpx.post(f"{house.url}/api/create", json=body, timeout=60).raise_for_status()
    shown = httpx.post(f"{house.url}/api/show", json={"model": NAME}, timeout=10)
    return list(shown.raise_for_status().json()["capabilities"])
