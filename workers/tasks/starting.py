"""What a worker does once, before its first task."""

from typing import Any

from celery.signals import worker_init

from models_app.services.engines import engines_publish
from workers.registry import engines


@worker_init.connect
def publish_engines(**_signal: Any) -> None:
    """Write the catalogue of engines that this worker can run."""
    engines_publish(engine.manifest for engine in engines().values())
