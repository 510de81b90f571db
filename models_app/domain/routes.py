"""Where the requests for a deployment may go: what the routing core knows of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models_app.domain.captures import CaptureRule
from models_app.domain.doors import OPEN, Door
from models_app.domain.gateway import Limits, Timeouts


@dataclass(frozen=True, slots=True)
class ReplicaRoute:
    """A replica that is ready to answer."""

    id: str  # public id
    row_id: int
    index: int
    workload: str
    host: str
    address: str  # host:port
    slots: int  # requests it serves at the same time
    served_as: str = ""  # the name to ask for there, where it is not the deployment's
    door: Door = OPEN
    request_defaults: tuple[tuple[str, float], ...] = ()  # for a request that does not name them


@dataclass(frozen=True, slots=True)
class DeploymentRoute:
    """A deployment, its ready replicas, and what to say when there is none."""

    id: str  # public id
    row_id: int
    name: str
    state: str  # DeploymentState
    engine: str
    model: str  # the model's title
    replicas: tuple[ReplicaRoute, ...] = ()
    failure_code: str = ""
    failure_params: Mapping[str, Any] = field(default_factory=dict)
    progress: Mapping[str, Any] = field(default_factory=dict)  # of the start, while none is ready
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    capture: CaptureRule | None = None  # an admin has a share of its requests kept
