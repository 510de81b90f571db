"""The Celery application: how the hands are called. Run as `celery -A controlplane worker`.

It knows the hands by task name only. Tasks are short steps that may be delivered twice, late or
never: the rows of the ledger are the work, and a sweep finds what a lost message meant.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.base")  # noqa: TID251

VISIBILITY_S = (
    300  # of an unacknowledged message; leases in the database decide ownership, not this
)
# Until then nobody read it, by the clocks of two machines: a worker's may be minutes ahead of
# beat's, and must not throw away each sweep for it.
UNREAD_S = 900

app = Celery("slipway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_S,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "health_check_interval": 25,
        "retry_on_timeout": True,
        "global_keyprefix": "slipway:",
    },
    visibility_timeout=VISIBILITY_S,
    task_default_queue="control",
    task_routes={
        "slipway.operation": {"queue": "transfer"},
        "slipway.placement": {"queue": "transfer"},
    },
    beat_schedule={
        "sweep": {"task": "slipway.sweep", "schedule": 3.0, "options": {"expires": UNREAD_S}},
        "housekeeping": {
            "task": "slipway.housekeeping",
            "schedule": 60.0,
            "options": {"expires": UNREAD_S},
        },
    },
)
app.autodiscover_tasks(["workers"])


@worker_init.connect
@beat_init.connect
def live_and_leave(**_signal: Any) -> None:
    """Let the supervisor see that this process is not stuck; when asked to end, end promptly."""
    from django.conf import settings

    from controlplane.launch.leaving import leave_at_once
    from controlplane.launch.pulse import Pulse

    leave_at_once()
    Pulse(settings.ENV, settings.PATHS).keep_beating()
