"""What a worker does once, before its first task."""

from typing import Any

from celery.signals import worker_init

from models_app.services.engines import engines_publish
from workers.reconcilers.owners import free_what_the_dead_held
from workers.registry import engines


@worker_init.connect
def publish_engines(**_signal: Any) -> None:
    """Write the catalogue of engines that this worker can run."""
    engines_publish(engine.manifest for engine in engines().values())


@worker_init.connect
def free_leases(**_signal: Any) -> None:
    """Go on at once with what a worker that was killed had begun."""
    free_what_the_dead_held()
