"""What a host could run, with figures: read after the page, for it looks at every artifact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext

from controlplane.fragments.fits import VERDICTS
from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.failures import reason_text
from controlplane.wording.formats import number_text
from models_app.domain.actors import Actor
from models_app.domain.states import HostState, Scheduling
from models_app.models import Artifact, Host
from models_app.selectors.host_fits import ArtifactFit, artifacts_on_host
from models_app.selectors.hosts import host_get

ROWS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class CouldRun:
    """One row: an artifact, what it needs, and the verdict or the reason against it."""

    artifact: Artifact
    needed_bytes: int | None
    kind: str  # fits, tight, short, unknown
    margin_bytes: int | None
    refusal: str

    @property
    def is_open(self) -> bool:
        """Whether there is room for it now."""
        return self.kind in ("fits", "tight")


@fragment("host.fits", template="hosts/_fits.html", of="host", lists=("model",), every_s=30)
def host_fits(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The verdict on each artifact of the model store."""
    host = host_get(actor, asked.id)
    found = artifacts_on_host(actor, host)
    is_all = asked.filters.get("fits") == "all"
    return {
        "host": host,
        "rows": [_row(fit) for fit in (found if is_all else found[:ROWS_SHOWN])],
        "more": 0 if is_all else max(0, len(found) - ROWS_SHOWN),
        "summary": _summary(found),
        "closed": _closed(host),
        "query": asked.query,
    }


def _row(fit: ArtifactFit) -> CouldRun:
    verdict = fit.verdict
    if verdict is None:
        return CouldRun(fit.artifact, None, "unknown", None, reason_text("RUNTIME_UNSUPPORTED"))
    kind = VERDICTS.get(verdict.fit, "unknown")
    return CouldRun(fit.artifact, verdict.needed_bytes, kind, verdict.left_bytes, "")


def _summary(found: Sequence[ArtifactFit]) -> str:
    good = sum(1 for fit in found if _row(fit).is_open)
    text = ngettext(
        "{good} of {n} artifact fits beside what runs now.",
        "{good} of {n} artifacts fit beside what runs now.",
        len(found),
    )
    return text.format(good=number_text(good), n=number_text(len(found)))


def _closed(host: Host) -> str:
    """Return why nothing would be put there now, whatever fits; empty when it is open."""
    if host.state != HostState.READY:
        return gettext("The host is not ready: nothing is put here until it is.")
    if host.scheduling != Scheduling.OPEN:
        return gettext("The host is closed: nothing new is put here until it is opened.")
    return ""
