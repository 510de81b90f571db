"""One namespace for what a request can name as its model: deployments and aliases.

Each table holds its own names unique; here it is seen to that no name is in both. Two who claim the
same name at once must not both win, so that claims queue.
"""

from models_app.domain.errors import ConflictError
from models_app.models import Alias, Deployment
from models_app.services.queues import Line, stand_in


def model_name_claim(name: str) -> None:
    """Raise ConflictError NAME_TAKEN when a deployment or an alias has it. In a transaction."""
    stand_in(Line.MODEL_NAMES)
    if Deployment.objects.filter(name=name).exists() or Alias.objects.filter(name=name).exists():
        raise ConflictError("NAME_TAKEN", params={"name": name}, fields={"name": "NAME_TAKEN"})
