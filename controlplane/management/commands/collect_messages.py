"""`manage.py collect_messages`: bring the catalogues in step with the code; `make messages`."""

from typing import Any

from babel.messages.catalog import Message
from django.conf import settings
from django.core.management.base import BaseCommand

from controlplane.settings.env import ROOT
from controlplane.wording.catalogues import collect, merged, read_catalogue, save

SOURCE_LANGUAGE = "en"


class Command(BaseCommand):
    """Adds new strings to each catalogue, drops those that are gone, keeps translations."""

    help = "Collect translatable strings into controlplane/locale; says how many are untranslated."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrite each language's catalogue."""
        collected = collect(ROOT)
        for language, _name in settings.LANGUAGES:
            if language == SOURCE_LANGUAGE:
                continue
            path = settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.po"
            catalog = merged(read_catalogue(path, language), collected, language)
            save(catalog, path)
            missing = [m.id for m in catalog if m.id and not _is_translated(m)]
            self.stdout.write(f"{language}: {len(catalog)} strings, {len(missing)} untranslated")
            for text in missing:
                self.stdout.write(f"  {text}")


def _is_translated(message: Message) -> bool:
    """Return whether there are words for it; of a plural, for each of its forms."""
    forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return all(forms)
