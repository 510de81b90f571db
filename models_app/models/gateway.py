"""Who may call the gateway (keys), under which names (aliases), and what it took (usage)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from models_app.models.base import JSONField, Row
from models_app.models.deployment import Deployment, Replica
from models_app.models.host import Host


class GatewayKey(Row):
    """A key that opens `/v1`. Its secret is shown once; the HMAC of it is kept."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="gateway_keys"
    )  # null: gone, and the key with them; the row stays for what it used
    name = models.CharField(max_length=100)
    key_id = models.CharField(max_length=16, unique=True)
    secret_hmac = models.CharField(max_length=64)
    every_model = models.BooleanField(default=False)
    deployments = JSONField(default=list, blank=True)  # public ids: a name can be given anew
    aliases = JSONField(default=list, blank=True)  # public ids
    routes = JSONField(default=list)  # KeyRoute
    limits = JSONField(default=dict, blank=True)  # Limits; what is missing is not limited
    ollama_face = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.key_id} {self.name}"


class Alias(Row):
    """A model name that stands for deployments. Shares its namespace with theirs."""

    name = models.CharField(max_length=48, unique=True)
    current = models.ForeignKey(
        "AliasVersion", models.PROTECT, null=True, related_name="+"
    )  # null only while the first is being written

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AliasVersion(models.Model):
    """One immutable version of an alias; rolling back is choosing an older one."""

    alias = models.ForeignKey(Alias, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    targets = JSONField(default=list)  # [{"deployment": public id, "weight": 1}]
    fallback = JSONField(default=list, blank=True)  # [public id], in order
    comment = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["alias", "number"], name="alias_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.alias_id} v{self.number}"


class Usage(models.Model):
    """One request through the routing core. Prompts and answers are never stored.

    Host and engine are written down with it: replicas become history and go before usage does.
    Each index is paid for by every request, one with the time in its middle as dearly as the row
    itself: rows of one deployment or key are found by id, which grows with the time
    (`selectors/usage_figures.py: requests_since`).
    """

    request_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(db_index=True)
    deployment = models.ForeignKey(
        Deployment, models.SET_NULL, null=True, related_name="usage", db_index=False
    )
    deployment_name = models.CharField(max_length=48, blank=True, default="")  # outlives it
    replica = models.ForeignKey(Replica, models.SET_NULL, null=True, related_name="+")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="+")
    key = models.ForeignKey(
        GatewayKey, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    engine = models.CharField(max_length=20, blank=True, default="")
    alias = models.CharField(max_length=48, blank=True, default="")  # the name that was asked
    route = models.CharField(max_length=30)
    status = models.CharField(max_length=40)  # ok, cancelled, or a code
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    first_token_ms = models.FloatField(null=True)
    duration_ms = models.FloatField()
    tokens_per_s = models.FloatField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["deployment", "id"], name="usage_deployment"),
            models.Index(fields=["key", "id"], name="usage_key"),
            models.Index(fields=["user"], name="usage_user", condition=Q(user__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.status}"


class UsageHour(models.Model):
    """An hour in which there was usage. Dirty: its roll-up is behind its records."""

    at = models.DateTimeField(unique=True)  # its beginning
    is_dirty = models.BooleanField(default=True, db_index=True)
    is_pruned = models.BooleanField(default=False)  # its requests are gone, it stays as it is

    def __str__(self) -> str:
        return str(self.at)


class UsageRollup(models.Model):
    """Usage of one hour or one day (UTC) by key, deployment, host, engine and route.

    Histograms say how many answers took how long, by bucket of `domain/histograms.py`: percentiles
    can be told of any sum of rows, which averages would not allow.
    """

    seconds = models.PositiveIntegerField()  # 3600 or 86400
    at = models.DateTimeField()  # its beginning
    deployment = models.ForeignKey(Deployment, models.SET_NULL, null=True, related_name="+")
    deployment_name = models.CharField(max_length=48, blank=True, default="")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="+")
    key = models.ForeignKey(GatewayKey, models.SET_NULL, null=True, related_name="+")
    engine = models.CharField(max_length=20, blank=True, default="")
    route = models.CharField(max_length=30)
    requests = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    first_token = JSONField(default=dict, blank=True)  # {bucket: answers}
    duration = JSONField(default=dict, blank=True)  # {bucket: answers}

    class Meta:
        indexes = [models.Index(fields=["seconds", "at"], name="usage_rollup_at")]

    def __str__(self) -> str:
        return f"{self.seconds} s from {self.at}"
