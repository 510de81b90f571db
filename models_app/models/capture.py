"""Requests that an admin had kept for a while. There is nothing here unless one asked for it."""

import uuid

from django.conf import settings
from django.db import models

from models_app.models.base import Row
from models_app.models.deployment import Deployment


class Capture(Row):
    """The capture of one deployment: it runs until `until`, and stays as a note of the last one."""

    deployment = models.OneToOneField(Deployment, models.CASCADE, related_name="capture")
    percent = models.PositiveSmallIntegerField()
    until = models.DateTimeField()
    keep_days = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.percent} % until {self.until}"


class CapturedRequest(models.Model):
    """One request and its answer as text, secrets taken out as far as they look like some."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="captured")
    at = models.DateTimeField()
    delete_at = models.DateTimeField(db_index=True)
    caller = models.CharField(max_length=100)  # key id, or playground
    path = models.CharField(max_length=60)
    status = models.CharField(max_length=40)  # ok, left, or a code
    question = models.TextField()
    answer = models.TextField()
    redacted = models.PositiveIntegerField(default=0)  # pieces

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.path} {self.status}"
