"""The tables, one family per file."""

from models_app.models.capture import Capture, CapturedRequest
from models_app.models.deployment import Deployment, EngineEntry, Replica, Revision
from models_app.models.gateway import (
    Alias,
    AliasVersion,
    GatewayKey,
    Usage,
    UsageHour,
    UsageRollup,
)
from models_app.models.history import (
    Chat,
    Event,
    HostSample,
    OutboxEntry,
    ReplicaSample,
)
from models_app.models.host import Host, Placement
from models_app.models.host_model import HostModel
from models_app.models.instance import InstanceSettings
from models_app.models.language_model import Artifact, LanguageModel
from models_app.models.operation import Operation
from models_app.models.people import (
    ApiToken,
    AuditEntry,
    IdempotencyKey,
    SignInAttempt,
    SignInLink,
    User,
)

__all__ = [
    "Alias",
    "AliasVersion",
    "ApiToken",
    "Artifact",
    "AuditEntry",
    "Capture",
    "CapturedRequest",
    "Chat",
    "Deployment",
    "EngineEntry",
    "Event",
    "GatewayKey",
    "Host",
    "HostModel",
    "HostSample",
    "IdempotencyKey",
    "InstanceSettings",
    "LanguageModel",
    "Operation",
    "OutboxEntry",
    "Placement",
    "Replica",
    "ReplicaSample",
    "Revision",
    "SignInAttempt",
    "SignInLink",
    "Usage",
    "UsageHour",
    "UsageRollup",
    "User",
]
