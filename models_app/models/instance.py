"""What an admin sets for the whole installation: one row, absent until something is changed."""

from django.db import models

from models_app.models.base import JSONField, Row

ONLY = 1  # the row's key


class InstanceSettings(Row):
    """Rules of this installation. What is set by its environment at a start is not here."""

    metrics_days = models.PositiveSmallIntegerField(default=7)  # of per-minute measurements
    events_days = models.PositiveSmallIntegerField(default=90)
    token_days = models.PositiveSmallIntegerField(default=365)  # the longest life of an API token
    fetch_networks = JSONField(default=list, blank=True)  # CIDRs, besides the environment's
    shows_test_engines = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="instance_settings_once", condition=models.Q(pk=ONLY))
        ]

    def __str__(self) -> str:
        return "settings"
