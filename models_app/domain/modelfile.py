"""The Modelfile: what a variant of a model is made of, as text and as typed fields.

The same language as Ollama's (FROM, PARAMETER, SYSTEM, TEMPLATE, ADAPTER, MESSAGE, LICENSE),
checked before anything is sent: a name instead of a path after FROM, known parameters in their
ranges, an adapter by its content's sha256. `parse_modelfile(render_modelfile(m)) == m` for whatever
can be written in that language.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from models_app.domain.errors import InvalidError
from models_app.domain.modelfile_parameters import Value, check_parameter, parse_parameter
from models_app.domain.ollama_names import parse_model_name

CODES = frozenset(
    {
        "MODELFILE_ADAPTER",
        "MODELFILE_ADAPTER_ONCE",
        "MODELFILE_EMPTY",
        "MODELFILE_FROM_ONCE",
        "MODELFILE_FROM_PATH",
        "MODELFILE_INSTRUCTION",
        "MODELFILE_MESSAGES",
        "MODELFILE_PARAMETER_TWICE",
        "MODELFILE_QUOTES",
        "MODELFILE_ROLE",
        "MODELFILE_TOO_LONG",
    }
)
"""What can be wrong with a Modelfile, besides its names and its parameters' values."""

TEXT_LENGTH = 256 << 10
MESSAGES = 200
ROLES = ("system", "user", "assistant")
INSTRUCTIONS = ("FROM", "PARAMETER", "SYSTEM", "TEMPLATE", "ADAPTER", "MESSAGE", "LICENSE")
_PATH = re.compile(r"[/~.\\]|[A-Za-z]:\\")  # what a path begins with
_ADAPTER = re.compile(r"sha256:[0-9a-f]{64}")
_LINE = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t]+|(?=\"))?")
_TRIPLE = '"""'


@dataclass(frozen=True, slots=True)
class Modelfile:
    """A variant. Parameters may come more than once only where they are lists (`stop`)."""

    base: str
    parameters: tuple[tuple[str, Value], ...] = ()
    system: str = ""
    template: str = ""
    adapters: tuple[str, ...] = ()  # sha256:...
    messages: tuple[tuple[str, str], ...] = ()  # role, text
    licences: tuple[str, ...] = ()

    def request(self) -> dict[str, Any]:
        """Return the fields that Ollama's API takes for it."""
        found: dict[str, Any] = {"from_": self.base}
        if self.parameters:
            found["parameters"] = _collected(self.parameters)
        if self.system:
            found["system"] = self.system
        if self.template:
            found["template"] = self.template
        if self.adapters:
            found["adapters"] = {f"adapter-{n}.gguf": a for n, a in enumerate(self.adapters)}
        if self.messages:
            found["messages"] = [{"role": role, "content": text} for role, text in self.messages]
        if self.licences:
            found["license"] = list(self.licences)
        return found


def parse_modelfile(text: str, *, registries: Collection[str] = ()) -> Modelfile:
    """Return the checked variant. Raises InvalidError whose params name the line."""
    if len(text) > TEXT_LENGTH:
        raise _wrong("MODELFILE_TOO_LONG", 1, limit=TEXT_LENGTH)
    fields: dict[str, list[Any]] = {name: [] for name in INSTRUCTIONS}
    for number, name, value in _instructions(text.replace("\r\n", "\n")):
        fields[name].append(_read(number, name, value, registries))
    if len(fields["FROM"]) != 1:
        raise _wrong("MODELFILE_FROM_ONCE", 1)
    return check_modelfile(
        Modelfile(
            base=fields["FROM"][0],
            parameters=tuple(fields["PARAMETER"]),
            system=_last(fields["SYSTEM"]),
            template=_last(fields["TEMPLATE"]),
            adapters=tuple(fields["ADAPTER"]),
            messages=tuple(fields["MESSAGE"]),
            licences=tuple(fields["LICENSE"]),
        ),
        registries=registries,
    )


def check_modelfile(modelfile: Modelfile, *, registries: Collection[str] = ()) -> Modelfile:
    """Return the variant when all of it is sound, wherever it comes from. Raises InvalidError."""
    _check_base(modelfile.base, registries, 1)
    for name, value in modelfile.parameters:
        check_parameter(name, value, 0)
    if len(_collected(modelfile.parameters)) != len({name for name, _ in modelfile.parameters}):
        raise _wrong("MODELFILE_PARAMETER_TWICE", 0)
    if any(role not in ROLES for role, _ in modelfile.messages):
        raise _wrong("MODELFILE_ROLE", 0)
    if len(modelfile.messages) > MESSAGES or any(not text for _, text in modelfile.messages):
        raise _wrong("MODELFILE_MESSAGES", 0, limit=MESSAGES)
    if any(not _ADAPTER.fullmatch(adapter) for adapter in modelfile.adapters):
        raise _wrong("MODELFILE_ADAPTER", 0)
    if len(modelfile.adapters) > 1:  # the server takes one at a time
        raise _wrong("MODELFILE_ADAPTER_ONCE", 0)
    return modelfile


def render_modelfile(modelfile: Modelfile) -> str:
    """Return the text. Raises InvalidError MODELFILE_QUOTES for what the language cannot say."""
    lines = [f"FROM {modelfile.base}"]
    lines += [f"ADAPTER {adapter}" for adapter in modelfile.adapters]
    lines += [f"PARAMETER {name} {_quoted(_plain(v))}" for name, v in modelfile.parameters]
    lines += [f"TEMPLATE {_quoted(modelfile.template)}"] if modelfile.template else []
    lines += [f"SYSTEM {_quoted(modelfile.system)}"] if modelfile.system else []
    lines += [f"MESSAGE {role} {_quoted(text)}" for role, text in modelfile.messages]
    lines += [f"LICENSE {_quoted(licence)}" for licence in modelfile.licences]
    return "\n".join(lines) + "\n"


def _instructions(text: str) -> list[tuple[int, str, str]]:
    """Return (line, instruction, value); a value in triple quotes may span lines."""
    found, at = [], 0
    while at < len(text):
        number = text.count("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        if not line.strip() or line.lstrip().startswith("#"):
            at = end + 1
            continue
        match = _LINE.match(text, at, end)
        name = match.group(1).upper() if match else ""
        if match is None or name not in INSTRUCTIONS:
            raise _wrong("MODELFILE_INSTRUCTION", number, word=line.split()[0][:40])
        head, at = match.end(), end + 1
        role = ""
        if name in {"MESSAGE", "PARAMETER"}:  # a word of its own stands before the value
            word, space, _ = text[head:end].partition(" ")
            role, head = f"{word} ", head + len(word) + len(space)
        value, at = _value(text, head, end, number)
        found.append((number, name, role + value))
    return found


def _value(text: str, head: int, end: int, number: int) -> tuple[str, int]:
    while head < end and text[head] in " \t":
        head += 1
    if text.startswith(_TRIPLE, head):
        close = text.find(_TRIPLE, head + 3)
        if close < 0:
            raise _wrong("MODELFILE_QUOTES", number)
        after = text.find("\n", close + 3)
        after = len(text) if after < 0 else after
        if text[close + 3 : after].strip():
            raise _wrong("MODELFILE_QUOTES", number)
        return text[head + 3 : close], after + 1
    line = text[head:end].rstrip()
    if line.startswith('"'):
        if len(line) < 2 or not line.endswith('"') or '"' in line[1:-1]:  # noqa: PLR2004
            raise _wrong("MODELFILE_QUOTES", number)
        return line[1:-1], end + 1
    return line, end + 1


def _read(number: int, name: str, value: str, registries: Collection[str]) -> Any:
    if not value.strip() and name not in {"SYSTEM", "TEMPLATE"}:
        raise _wrong("MODELFILE_EMPTY", number, word=name)
    if name == "FROM":
        return _check_base(value, registries, number)
    if name == "PARAMETER":
        key, _, given = value.partition(" ")
        return key, parse_parameter(key, given, number)
    if name == "MESSAGE":
        role, _, said = value.partition(" ")
        if role not in ROLES:
            raise _wrong("MODELFILE_ROLE", number)
        return role, said
    if name == "ADAPTER" and not _ADAPTER.fullmatch(value):
        raise _wrong("MODELFILE_ADAPTER", number)
    return value


def _check_base(value: str, registries: Collection[str], number: int) -> str:
    if _PATH.match(value):
        raise _wrong("MODELFILE_FROM_PATH", number)
    parse_model_name(value, registries=registries, field="modelfile")
    return value


def _quoted(value: str) -> str:
    """Return a value as the language writes it: bare, in quotes, or in three of them."""
    is_bare = value == value.strip() and value and not value.startswith('"')
    if is_bare and len(value.splitlines()) == 1:
        return value
    if '"' not in value and "\n" not in value and "\r" not in value:
        return f'"{value}"'
    if _TRIPLE in value or value.endswith('"') or "\r" in value:
        raise _wrong("MODELFILE_QUOTES", 0)
    return f"{_TRIPLE}{value}{_TRIPLE}"


def _plain(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _collected(parameters: tuple[tuple[str, Value], ...]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parameters:
        if name == "stop":
            found.setdefault(name, []).append(value)
        elif name in found:
            raise _wrong("MODELFILE_PARAMETER_TWICE", 0)
        else:
            found[name] = value
    return found


def _last(values: list[Any]) -> str:
    return str(values[-1]) if values else ""


def _wrong(code: str, line: int, **params: Any) -> InvalidError:
    assert code in CODES
    return InvalidError(code, params={"line": line, **params}, fields={"modelfile": code})
