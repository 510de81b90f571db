"""Deployments, their revisions, and the replicas that make them true."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from models_app.domain.states import DeploymentState, ReplicaState, Wish
from models_app.models.base import JSONField, WorkedRow, choices, states_check
from models_app.models.host import Host
from models_app.models.language_model import Artifact


class Deployment(WorkedRow):
    """The wish: this revision, so many replicas, running or not."""

    name = models.CharField(max_length=48, unique=True)
    wish = models.CharField(max_length=10, choices=choices(Wish), default=Wish.RUNNING)
    replicas_wished = models.PositiveSmallIntegerField(default=1)
    revision = models.ForeignKey(
        "Revision", models.PROTECT, null=True, related_name="+"
    )  # the one wished for; null only while the first is being written
    state = models.CharField(
        max_length=10, choices=choices(DeploymentState), default=DeploymentState.PENDING
    )
    state_since = models.DateTimeField(auto_now_add=True)
    limits = JSONField(default=dict, blank=True)  # of the gateway: domain/gateway.py, Limits
    timeouts = JSONField(default=dict, blank=True)  # of the gateway: Timeouts

    class Meta:
        ordering = ["name"]
        constraints = [
            states_check("deployment_state", "state", DeploymentState),
            states_check("deployment_wish", "wish", Wish),
            models.CheckConstraint(
                name="deployment_replicas", condition=Q(replicas_wished__lte=64)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """One immutable version of a deployment's wish; rolling back is wishing for an older one."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    engine = models.CharField(max_length=20)
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="revisions")
    parameters = JSONField(default=dict)
    placement = JSONField(default=dict)  # {"hosts": [names]} or {"selector": domain.label_rules}
    comment = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="revision_number")
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} r{self.number}"


class Replica(WorkedRow):
    """One running copy. Its workload on the host carries its public id and the spec's hash."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="replicas")
    revision = models.ForeignKey(Revision, models.CASCADE, related_name="replicas")
    index = models.PositiveSmallIntegerField()
    host = models.ForeignKey(Host, models.PROTECT, related_name="replicas")
    workload = models.CharField(max_length=100)
    state = models.CharField(
        max_length=10, choices=choices(ReplicaState), default=ReplicaState.PENDING
    )
    state_since = models.DateTimeField(auto_now_add=True)
    is_wanted = models.BooleanField(default=True)  # False: to be stopped, then retired
    spec_hash = models.CharField(max_length=64, blank=True, default="")
    external_id = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=300, blank=True, default="")  # host:port, or a URL
    # The model's name on that server, where it is not the deployment's: a shared Ollama server's.
    served_as = models.CharField(max_length=300, blank=True, default="")
    # What a request that names nothing gets there, where the engine would overrule its model.
    request_defaults = JSONField(default=dict, blank=True)
    slots = models.PositiveSmallIntegerField(default=1)
    reason = JSONField(default=dict, blank=True)  # why this host, why not the others
    pulling = JSONField(default=dict, blank=True)  # the engine's image on its way to the host
    predicted_bytes = models.BigIntegerField(null=True, blank=True)
    memory_bytes = models.BigIntegerField(null=True, blank=True)  # last measured
    peak_bytes = models.BigIntegerField(null=True, blank=True)  # highest measured
    activity = models.FloatField(default=0)  # last seen sign of work, see WorkloadStats
    misses = models.PositiveSmallIntegerField(default=0)  # failed probes in a row
    restarts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    stopping_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["deployment_id", "index", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "index"],
                condition=~Q(state=ReplicaState.RETIRED),
                name="replica_one_live_per_index",
            ),
            models.UniqueConstraint(
                fields=["workload"],
                condition=~Q(state=ReplicaState.RETIRED),
                name="replica_one_live_per_workload",
            ),
            states_check("replica_state", "state", ReplicaState),
        ]
        indexes = [models.Index(fields=["state", "deployment"], name="replica_state_deployment")]

    def __str__(self) -> str:
        return self.workload


class EngineEntry(models.Model):
    """An engine of the catalogue: its manifest, written by the hands when they start."""

    key = models.CharField(max_length=20, primary_key=True)
    manifest = JSONField()  # EngineManifest
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key
