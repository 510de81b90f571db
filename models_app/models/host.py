"""Hosts, and which artifacts lie on them."""

from django.db import models

from models_app.domain.states import HostState, PlacementState, Scheduling
from models_app.models.base import JSONField, WorkedRow, choices, states_check
from models_app.models.language_model import Artifact


class Host(WorkedRow):
    """A target machine."""

    name = models.CharField(max_length=48, unique=True)
    runtime = models.CharField(max_length=20)
    connection = JSONField(default=dict, blank=True)  # domain.connections; never a secret
    secret = models.TextField(blank=True, default="")  # sealed, see services.sealing
    identity = JSONField(default=dict, blank=True)  # domain.identities: what it is trusted by
    state = models.CharField(max_length=12, choices=choices(HostState), default=HostState.PENDING)
    scheduling = models.CharField(
        max_length=10, choices=choices(Scheduling), default=Scheduling.OPEN
    )
    facts = JSONField(default=dict, blank=True)  # HostFacts
    usage = JSONField(default=dict, blank=True)  # HostUsage, the last one seen
    labels = JSONField(default=dict, blank=True)
    memory_budget_bytes = models.BigIntegerField(null=True, blank=True)  # null: all of it
    last_seen_at = models.DateTimeField(null=True, blank=True)
    state_since = models.DateTimeField(auto_now_add=True)
    misses = models.PositiveSmallIntegerField(default=0)  # silent probes in a row

    class Meta:
        ordering = ["name"]
        constraints = [
            states_check("host_state", "state", HostState),
            states_check("host_scheduling", "scheduling", Scheduling),
        ]

    def __str__(self) -> str:
        return self.name


class Placement(WorkedRow):
    """One artifact on one host, with its own progress."""

    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="placements")
    host = models.ForeignKey(Host, models.CASCADE, related_name="placements")
    state = models.CharField(
        max_length=10, choices=choices(PlacementState), default=PlacementState.PENDING
    )
    done_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    bytes_per_s = models.FloatField(null=True, blank=True)
    is_pinned = models.BooleanField(default=False)

    class Meta:
        ordering = ["host__name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "host"], name="placement_once"),
            states_check("placement_state", "state", PlacementState),
        ]

    def __str__(self) -> str:
        return f"artifact {self.artifact_id} on host {self.host_id}"
