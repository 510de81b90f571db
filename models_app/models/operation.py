"""Long work with progress."""

from django.conf import settings
from django.db import models

from models_app.domain.states import OperationState
from models_app.models.base import JSONField, WorkedRow, choices, states_check
from models_app.models.host import Host
from models_app.models.language_model import Artifact, LanguageModel


class Operation(WorkedRow):
    """One piece of long work: an import now; quantising, benchmarks and pulls later."""

    kind = models.CharField(max_length=30)
    state = models.CharField(
        max_length=10, choices=choices(OperationState), default=OperationState.PENDING
    )
    title = models.CharField(max_length=200)  # what is worked on, a name that people gave
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    model = models.ForeignKey(LanguageModel, models.SET_NULL, null=True, related_name="operations")
    artifact = models.ForeignKey(Artifact, models.SET_NULL, null=True, related_name="operations")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="operations")
    parameters = JSONField(default=dict)
    secret = models.TextField(blank=True, default="")  # sealed; taken away at the end
    result = JSONField(default=dict, blank=True)
    phase = models.CharField(max_length=20, blank=True, default="")
    done_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    bytes_per_s = models.FloatField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [states_check("operation_state", "state", OperationState)]
        indexes = [models.Index(fields=["state"], name="operation_by_state")]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"
