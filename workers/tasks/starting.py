"""What a worker does once, before its first task."""

from typing import Any

from celery import current_app
from celery.signals import worker_init, worker_ready
from django.conf import settings

from models_app.notify import workers as names
from models_app.services.demo.hosts import RUNTIME as DEMO_RUNTIME
from models_app.services.engines import engines_publish
from workers.reconcilers.owners import free_what_the_dead_held
from workers.registry import engines

SWEEP_LIFE_S = 10


@worker_init.connect
def publish_engines(**_signal: Any) -> None:
    """Write the catalogue of engines that this worker can run; a demo's hosts take them too."""
    also_on = (DEMO_RUNTIME,) if settings.ENV.demo else ()
    engines_publish((engine.manifest for engine in engines().values()), also_on=also_on)


@worker_init.connect
def free_leases(**_signal: Any) -> None:
    """Go on at once with what a worker that was killed had begun."""
    free_what_the_dead_held()


@worker_ready.connect
def look_at_once(**_signal: Any) -> None:
    """Sweep at the start instead of at the scheduler's first beat: what waited is picked up now."""
    current_app.send_task(names.SWEEP, expires=SWEEP_LIFE_S, retry=False)
