"""Models and their artifacts: what there is to serve."""

from django.db import models

from models_app.domain.states import ArtifactState
from models_app.models.base import JSONField, Row, choices, states_check


class LanguageModel(Row):
    """A model with its facts. None means unknown, never zero."""

    name = models.CharField(max_length=48, unique=True)  # a slug
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    family = models.CharField(max_length=60, blank=True, default="")
    parameters = models.BigIntegerField(null=True, blank=True)
    tier = models.CharField(max_length=10, blank=True, default="")
    context_length = models.PositiveIntegerField(null=True, blank=True)
    licence = models.CharField(max_length=100, blank=True, default="")
    source_kind = models.CharField(max_length=20, blank=True, default="")
    source_reference = JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Artifact(Row):
    """One file of a model, named by its sha256 in the model store."""

    model = models.ForeignKey(LanguageModel, models.PROTECT, related_name="artifacts")
    state = models.CharField(
        max_length=10, choices=choices(ArtifactState), default=ArtifactState.READY
    )
    format = models.CharField(max_length=20)
    quantization = models.CharField(max_length=20, blank=True, default="")
    file_name = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, unique=True)
    facts = JSONField(default=dict, blank=True)  # ArtifactFacts
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children"
    )
    recipe = JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["model__name", "size_bytes", "id"]
        constraints = [
            states_check("artifact_state", "state", ArtifactState),
            models.CheckConstraint(name="artifact_size", condition=models.Q(size_bytes__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.model_id}/{self.file_name}"
