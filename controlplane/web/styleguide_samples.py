"""Believable values for the style guide: every part in every state, no database."""

import math
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from controlplane.fragments.memory import HostMemory
from controlplane.wording.states import Shape, known_states

GIB = 1 << 30
MIB = 1 << 20


class SampleForm(forms.Form):
    """One field of each kind; bound with mistakes, it shows its errors."""

    name = forms.SlugField(label=_("Name"), initial="support-chat", max_length=40)
    model = forms.ChoiceField(
        label=_("Model"), choices=[("smollm2", "SmolLM2 135M · Q4_K_M"), ("qwen", "Qwen3 1.7B")]
    )
    context = forms.IntegerField(
        label=_("Context"),
        initial=4096,
        min_value=256,
        max_value=8192,
        help_text=_("How much the model can hold in mind. Doubling it doubles its cache."),
    )
    temperature = forms.FloatField(label=_("Temperature"), initial=0.7, required=False)
    notes = forms.CharField(label=_("Notes"), required=False, widget=forms.Textarea({"rows": 2}))
    embeddings = forms.BooleanField(label=_("Serve embeddings too"), required=False)
    host = forms.ChoiceField(
        label=_("Where"),
        widget=forms.RadioSelect,
        choices=[("a", "till-3"), ("b", "cupboard-1")],
        initial="a",
    )

    def clean_context(self) -> int:
        """Refuse what the model was not made for."""
        context: int = self.cleaned_data["context"]
        if context > 2048:  # noqa: PLR2004 (the sample's own limit)
            message = gettext("This model was made for 2,048 tokens. Choose that or less.")
            raise forms.ValidationError(message)
        return context


def invalid_form() -> SampleForm:
    """Return the form as it comes back with mistakes."""
    return SampleForm(
        {"name": "Support chat!", "context": "8192", "host": "a", "model": "smollm2"},
        auto_id="wrong_%s",
    )


def trend(length: int = 60, *, base: float = 40.0, gap: bool = False) -> list[float | None]:
    """Return a plausible trend, with a gap if asked."""
    points: list[float | None] = [
        round(base + base / 3 * math.sin(i / 5) + base / 9 * math.sin(i * 1.7), 2)
        for i in range(length)
    ]
    if gap:
        points[length // 3 : length // 2] = [None] * (length // 2 - length // 3)
    return points


def failure(now: datetime) -> dict[str, Any]:
    """Return a failure as the pages show it."""
    return {
        "code": "NOT_ENOUGH_MEMORY",
        "since": now - timedelta(minutes=4),
        "sentence": gettext("The model needs 3.2 GiB; the host has 1.1 GiB left in its budget."),
        "remedy": gettext("Lower the context, choose a smaller quantisation, or free 2.1 GiB."),
        "evidence": [
            "llama_model_load: error loading model: unable to allocate CPU buffer",
            "srv    load_model: failed to load model, '/models/3f/a9c1e0'",
            "main: exiting due to model loading error",
        ],
        "actions": [
            {"label": gettext("Edit deployment"), "url": "#", "method": "get"},
            {"label": gettext("Try again"), "url": "#", "method": "post"},
        ],
    }


def timeline(now: datetime) -> list[dict[str, Any]]:
    """Return a deploy told as a story: an attempt that failed, and one that went well."""
    at = now - timedelta(minutes=3)
    well = [
        ("good", 33, gettext("Ready in 1.9 s")),
        ("info", 32, gettext("Engine started")),
        ("busy", 31, gettext("Placing model, 98.4 MiB at 312 MiB/s")),
    ]
    return [
        {
            "title": gettext("Revision 2"),
            "entries": [
                {"at": at + timedelta(seconds=s), "level": level, "text": text}
                for level, s, text in well
            ],
        },
        {
            "title": gettext("Revision 1"),
            "entries": [
                {
                    "at": at - timedelta(seconds=60),
                    "level": "bad",
                    "text": gettext("The engine did not start"),
                    "failure": failure(now),
                },
                {
                    "at": at - timedelta(seconds=70),
                    "level": "warning",
                    "text": gettext("Memory is tight"),
                },
                {
                    "at": at - timedelta(seconds=74),
                    "level": "info",
                    "text": gettext("Deployment created"),
                    "actor": "alice",
                },
            ],
        },
    ]


ROOMY = HostMemory(
    total=8 * GIB, others=3_328_599_654, ours=1_610_612_736, promised=429_496_729, budget=4 * GIB
)
SMALL = HostMemory(
    total=4 * GIB, others=1_228_599_654, ours=910_612_736, promised=0, budget=2 * GIB
)


def progress_rows(now: datetime) -> list[dict[str, Any]]:
    """Return long work: moving, of unknown length, stalled."""
    return [
        {
            "what": "SmolLM2-135M-Instruct.Q4_K_M.gguf",
            "percent": 42.4,
            "done_bytes": 42 * MIB,
            "total_bytes": 99 * MIB,
            "rate": 11.4 * MIB,
            "left_s": 5.1,
            "cancel_url": "#",
        },
        {"what": "qwen3-1.7b.gguf", "percent": None, "done_bytes": 512 * MIB, "rate": 31 * MIB},
        {
            "what": "phi-4-mini.gguf",
            "percent": 71,
            "done_bytes": 1600 * MIB,
            "total_bytes": 2250 * MIB,
            "stalled_since": now - timedelta(seconds=95),
            "shape": Shape.WARN,
            "cancel_url": "#",
            "retry_url": "#",
        },
    ]


def table_rows(now: datetime) -> list[dict[str, Any]]:
    """Return deployments as a table shows them."""
    names = (
        "support-chat",
        "till-receipts",
        "night-summaries",
        "a-rather-long-name-for-a-small-one",
    )
    states = ("ready", "degraded", "deploying", "failed")
    return [
        {
            "name": name,
            "state": state,
            "since": now - timedelta(minutes=3 + 47 * index),
            "model": "SmolLM2 135M · Q4_K_M",
            "host": f"till-{index + 1}",
            "ready": (2, 1, 0, 0)[index],
            "wished": 2,
            "rate": (42.7, 18.2, None, None)[index],
        }
        for index, (name, state) in enumerate(zip(names, states, strict=True))
    ]


def all_states() -> list[str]:
    """Return each state that has a word, in a stable order."""
    return sorted(known_states())
