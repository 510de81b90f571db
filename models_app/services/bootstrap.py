"""What Slipway does for itself at a start: the first fills the ledger, each one looks around."""

from typing import Any

from django.db import transaction

from models_app.domain.actors import SYSTEM
from models_app.models import AuditEntry, Host
from models_app.notify.workers import TASK_OF
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
from models_app.services.leases import database_time
from models_app.services.people import admin_ensure
from models_app.services.records import audit

FIRST_START = "slipway.first_start"
FIRST_IMPORT: dict[str, Any] = {
    "name": "smollm2-135m-instruct",
    "title": "SmolLM2 135M Instruct",
    "description": "A very small chat model that comes with Slipway: quick to try, easily wrong.",
    "licence": "Apache-2.0",
    "source": "bundled",
    "reference": {"key": "smollm2-135m-instruct"},
    "then_deploy": {"name": "smollm2", "engine": "llamacpp", "parameters": {}, "replicas": 1},
}


@transaction.atomic
def first_start(*, host_name: str, with_model: bool) -> bool:
    """Give an empty ledger an admin, this machine and a model that is deployed once it is here.

    Happens once, whole or not at all: the audit log, which only grows, remembers it, so what people
    delete afterwards stays deleted. Returns whether this was the first start.
    """
    if AuditEntry.objects.filter(action=FIRST_START).exists():
        return False
    audit(SYSTEM, FIRST_START, None)
    admin_ensure()
    if not Host.objects.filter(runtime="process").exists():
        host_add(SYSTEM, name=host_name, runtime="process")
    if with_model:
        model_import(SYSTEM, **FIRST_IMPORT)
    return True


@transaction.atomic
def look_at_all() -> None:
    """Let every row that waits for its time be looked at now: nothing ran since the last stop."""
    for model in TASK_OF:
        rows = model._default_manager.filter(next_action_at__isnull=False)
        rows.update(next_action_at=database_time())
