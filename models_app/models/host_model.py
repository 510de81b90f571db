"""The models that lie on a host that keeps its own, such as an Ollama server, as last seen."""

from django.db import models

from models_app.models.base import JSONField, Row
from models_app.models.host import Host
from models_app.models.language_model import Artifact


class HostModel(Row):
    """One name on such a host. Names of the same digest are the same content."""

    host = models.ForeignKey(Host, models.CASCADE, related_name="host_models")
    name = models.CharField(max_length=350)
    digest = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    modified_at = models.DateTimeField(null=True, blank=True)
    details = JSONField(default=dict, blank=True)  # format, family, parameter_size, quantization
    shown = JSONField(default=dict, blank=True)  # modelfile, license, capabilities, parameters
    is_ours = models.BooleanField(default=False)  # made by a Slipway: a replica's, or a kept file
    artifact = models.ForeignKey(
        Artifact, models.SET_NULL, null=True, blank=True, related_name="host_models"
    )  # what it was adopted as
    loaded_bytes = models.BigIntegerField(null=True, blank=True)  # null: not in memory
    vram_bytes = models.BigIntegerField(null=True, blank=True)  # of those, on GPUs
    loaded_context = models.PositiveIntegerField(null=True, blank=True)
    loaded_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["host", "name"], name="host_model_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_loaded(self) -> bool:
        """Whether it is in the host's memory."""
        return self.loaded_bytes is not None
