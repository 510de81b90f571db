"""What happened (events), what must still be told (outbox), and how it went (samples)."""

import uuid

from django.conf import settings
from django.db import models

from models_app.models.base import JSONField, Row
from models_app.models.deployment import Replica
from models_app.models.host import Host


class Event(models.Model):
    """One line of an object's history: a code and its parameters. Text is rendered, not stored."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    code = models.CharField(max_length=60)
    level = models.CharField(max_length=7, default="info")  # info, good, warning, bad
    params = JSONField(default=dict, blank=True)
    evidence = JSONField(default=list, blank=True)
    subject_kind = models.CharField(max_length=20)
    subject_id = models.UUIDField()
    deployment_id = models.UUIDField(null=True, db_index=True)  # public id; its timeline
    host_id = models.UUIDField(null=True, db_index=True)  # public id

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="event_subject")]

    def __str__(self) -> str:
        return self.code


class OutboxEntry(models.Model):
    """A nudge that leaves after commit; the relay sends what the commit hook could not."""

    task = models.CharField(max_length=40)  # a task name of `notify.workers`
    row_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.task} {self.row_id}"


class HostSample(models.Model):
    """How full a host was. `resolution` 0: as measured, kept an hour; 60: per minute, a week."""

    host = models.ForeignKey(Host, models.CASCADE, related_name="samples")
    resolution = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True)  # null: the host does not tell
    memory_used_bytes = models.BigIntegerField(null=True)
    disk_used_bytes = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["host", "resolution", "at"], name="host_sample_series"),
            models.Index(fields=["resolution", "at"], name="host_sample_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["host", "at"],
                condition=models.Q(resolution=60),
                name="host_sample_one_per_minute",
            )
        ]

    def __str__(self) -> str:
        return f"host {self.host_id} at {self.at}"


class ReplicaSample(models.Model):
    """How a replica worked. Rates are over the time since the sample before."""

    replica = models.ForeignKey(Replica, models.CASCADE, related_name="samples")
    resolution = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    tokens_per_s = models.FloatField(null=True)
    prompt_tokens_per_s = models.FloatField(null=True)
    requests_processing = models.FloatField(null=True)
    network_received_per_s = models.FloatField(null=True)  # bytes; None: the host does not tell
    network_sent_per_s = models.FloatField(null=True)
    totals = JSONField(default=dict, blank=True)  # what was counted, for the next difference

    class Meta:
        indexes = [
            models.Index(fields=["replica", "resolution", "at"], name="replica_sample_series"),
            models.Index(fields=["resolution", "at"], name="replica_sample_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["replica", "at"],
                condition=models.Q(resolution=60),
                name="replica_sample_one_per_minute",
            )
        ]

    def __str__(self) -> str:
        return f"replica {self.replica_id} at {self.at}"


class Chat(Row):
    """A playground chat that its owner chose to keep; nobody else sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="chats")
    title = models.CharField(max_length=200)
    content = JSONField(default=dict)  # settings and messages, as the playground shows them

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.title
