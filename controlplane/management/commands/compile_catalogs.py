"""`manage.py compile_catalogs`: make the translations usable; `make` runs it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from controlplane.wording.catalogues import catalogue_paths, compile_catalogue


class Command(BaseCommand):
    """Compiles each message catalogue that has changed."""

    help = "Compile the message catalogues (.po to .mo); needs no gettext programs."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Compile what is out of date."""
        for folder in settings.LOCALE_PATHS:
            for language, path in catalogue_paths(folder).items():
                compile_catalogue(path, language)
