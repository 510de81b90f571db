"""Adapters: files that change a model a little, held to the model they are to change."""

from models_app.domain.errors import InvalidError
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.modelfile import Modelfile
from models_app.domain.states import ArtifactState
from models_app.models import Artifact, HostModel


def adapter_of(base: HostModel, modelfile: Modelfile) -> Artifact | None:
    """Return the model store's file that a variant's ADAPTER names.

    None where it names none, or one that only its server may have: the hands look for that. Raises
    InvalidError ADAPTER_NOT_ONE, ADAPTER_MISSING, ADAPTER_ARCHITECTURE.
    """
    named = [adapter.removeprefix("sha256:") for adapter in modelfile.adapters]
    artifact = Artifact.objects.filter(sha256__in=named).first()
    if artifact is None:
        return None
    if artifact.format != ADAPTER_FORMAT:
        raise InvalidError(
            "ADAPTER_NOT_ONE",
            params={"file": artifact.file_name},
            fields={"adapter": "ADAPTER_NOT_ONE"},
        )
    if artifact.state != ArtifactState.READY:
        raise InvalidError(
            "ADAPTER_MISSING",
            params={"file": artifact.file_name, "state": artifact.state},
            fields={"adapter": "ADAPTER_MISSING"},
        )
    changes, model = artifact.facts.get("architecture"), base.details.get("family")
    if changes and model and changes != model:
        # The server would make it all the same, and its runner dies at the first request.
        raise InvalidError(
            "ADAPTER_ARCHITECTURE",
            params={"file": artifact.file_name, "of": changes, "model": model},
            fields={"adapter": "ADAPTER_ARCHITECTURE"},
        )
    return artifact
