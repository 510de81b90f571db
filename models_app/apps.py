"""Django's record of the ledger."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The app that owns every table."""

    name = "models_app"
    verbose_name = "Slipway ledger"
