"""Keeps the ledger's list of a host's own models true, and adopts those that were there before."""

from models_app.domain.ollama_names import is_slipways
from models_app.models import Host, HostModel
from models_app.services.leases import Lease
from models_app.services.observed.host_models import host_model_adopt, host_models_seen
from workers.runtimes.base import KeepsModels, Runtime

ADOPTED_A_LOOK = 5  # each takes a request; the rest comes with the next look


def look_at_models(host: Host, lease: Lease[Host], runtime: Runtime) -> None:
    """Write what lies on the host and what is loaded. Nothing where hosts keep no models."""
    if not isinstance(runtime, KeepsModels):
        return
    found = runtime.hosted_models()
    host_models_seen(lease, host, found)
    by_name = {model.name: model for model in found}
    strangers = HostModel.objects.filter(host=host, artifact=None, is_ours=False)
    for row in strangers.filter(details__format="gguf").order_by("pk")[:ADOPTED_A_LOOK]:
        model = by_name.get(row.name)
        if model is None or is_slipways(row.name):
            continue
        details = runtime.hosted_details(model)
        if details is not None:
            host_model_adopt(lease, host, row, details)
