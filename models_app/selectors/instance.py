"""The rules of this installation, as they stand: an admin's, joined with the environment's."""

from django.conf import settings

from models_app.models import InstanceSettings
from models_app.models.instance import ONLY


def instance_settings() -> InstanceSettings:
    """Return the row, or an unsaved one that holds the defaults."""
    return InstanceSettings.objects.filter(pk=ONLY).first() or InstanceSettings(pk=ONLY)


def fetch_networks() -> tuple[str, ...]:
    """Return the local networks that models may be fetched from."""
    return (*settings.ENV.fetch_networks, *instance_settings().fetch_networks)


def shows_test_engines() -> bool:
    """Whether engines that only pretend are offered in forms and by the API."""
    return bool(settings.ENV.demo) or instance_settings().shows_test_engines
