"""What lies on an Ollama host, what is loaded, and what is being done there: as it changes."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from controlplane.fragments.hosts import head_context
from controlplane.fragments.listing import listing
from controlplane.fragments.progress import operation_progress
from controlplane.fragments.registry import Asked, fragment
from models_app.domain.actors import Actor
from models_app.domain.states import HostState, Role
from models_app.models import Host, HostModel
from models_app.selectors.host_models import host_model_work, host_models_visible
from models_app.selectors.hosts import host_get

FAR = 2100  # the year from which "until" means always


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model as the list shows it."""

    row: HostModel

    @property
    def stays(self) -> bool:
        """Whether it stays in memory until somebody unloads it."""
        until = self.row.loaded_until
        return until is not None and until.year >= FAR

    @property
    def vram_percent(self) -> float | None:
        """Which share of it lies on GPUs; None while it is not loaded."""
        loaded = self.row.loaded_bytes
        return 100 * (self.row.vram_bytes or 0) / loaded if loaded else None


@fragment("host.models", template="hosts/_models.html", of="host", every_s=2)
def host_models(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The models of one host, as the address filters them."""
    return models_context(actor, host_get(actor, asked.id), asked.filters)


def models_context(actor: Actor, host: Host, filters: QueryDict) -> dict[str, Any]:
    """Return the page of models that `filters` ask for, and the work on them."""
    rows = host_models_visible(actor, host, search=filters.get("search") or None)
    page = listing(rows, filters, shown_as=lambda found: [ModelLine(row) for row in found])
    may = actor.role.allows(Role.OPERATOR)
    return {
        "host": host,
        "listing": page,
        "filters": filters,
        "progress_rows": [
            operation_progress(operation, may_operate=may)
            for operation in host_model_work(actor, host)
        ],
        "may_change": may and host.state == HostState.READY,
        "loaded_bytes": host.usage.get("memory_used_bytes"),
    }


def models_head(actor: Actor, host: Host) -> dict[str, Any]:
    """Return the head of the host's page."""
    return {key: value for key, value in head_context(actor, host).items() if key != "host"}
