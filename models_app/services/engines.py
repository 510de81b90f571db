"""The engine catalogue: what the hands can run, written by them, read by forms and the API."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from django.db import transaction

from models_app.domain.specs import EngineManifest
from models_app.models import EngineEntry


@transaction.atomic
def engines_publish(manifests: Iterable[EngineManifest], *, also_on: Sequence[str] = ()) -> None:
    """Make the catalogue equal to these manifests; entries that did not change stay as they are.

    `also_on` are runtimes that every engine is said to run on besides its own: those of a demo.
    """
    wanted = {manifest.key: asdict(manifest) for manifest in manifests}
    for manifest in wanted.values():
        manifest["runtimes"] = (*manifest["runtimes"], *also_on)
    known = {entry.key: entry for entry in EngineEntry.objects.all()}
    for key, manifest in wanted.items():
        if key not in known or known[key].manifest != _as_json(manifest):
            EngineEntry.objects.update_or_create(key=key, defaults={"manifest": manifest})
    EngineEntry.objects.exclude(key__in=wanted).delete()


def _as_json(manifest: dict[str, object]) -> dict[str, object]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in manifest.items()}
