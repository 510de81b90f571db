"""The strings that the playground's scripts need, in the language of the request."""

from typing import Any

from django.utils.translation import gettext


def playground_words() -> dict[str, Any]:
    """Return them as the page's JSON block `playground-words`."""
    return {
        "firstToken": gettext("{n} ms to first token"),
        "firstTokenSeconds": gettext("{n} s to first token"),
        "speed": gettext("{n} tok/s"),
        "tokens": gettext("{n} tokens"),
        "tokensCounted": gettext("about {n} tokens"),
        "prompt": gettext("{n} in the prompt"),
        "where": gettext("{deployment} · replica {replica} on {host}"),
        "finish": {
            "stopped": gettext("stopped"),
            "length": gettext("cut at the limit of tokens"),
            "tool_calls": gettext("asks for a tool"),
        },
        "waiting": gettext("Waiting for the first token, {n} s"),
        "inLine": gettext("Place {position} in line, about {n} s"),
        "answered": gettext("The answer is complete."),
        "failedAloud": gettext("The answer failed: {text}"),
        "lost": gettext("The connection to Slipway was lost in the middle of the answer."),
        "lostRemedy": gettext("Try again; it connects by itself when the server is back."),
        "gone": gettext("{name} (deleted)"),
        "notReady": gettext("{name} ({state})"),
        "untitled": gettext("Chat without words"),
        "kept": gettext("The chat is kept. Only you can see it."),
        "keepFailed": gettext("The chat was not kept: the server did not answer."),
        "keep": gettext("Keep chat"),
        "keepAgain": gettext("Keep changes"),
        "keptAlready": gettext("Kept"),
        "copy": gettext("Copy"),
        "code": gettext("Code"),
        "noTools": gettext("Write a JSON list of tools, or leave it empty."),
        "engineDefault": gettext("the engine's default"),
        "one": gettext("Answers"),
        "left": gettext("First answers"),
        "right": gettext("Second answers"),
    }
