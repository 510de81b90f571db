"""Gets at a host's helper, and says what it is when there is none: a warning, not a dead host.

The helper's image comes from a registry, its container can be anybody's, and its disk can be full:
all of that leaves the engine and what runs on it as they are. Figures that only the helper has are
unknown then; whoever cannot do without it, as a copy cannot, is told why by its own code.
"""

import time
from collections.abc import Callable

from models_app.domain.failures import (
    ABOUT_THE_HOST,
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
)
from models_app.domain.specs import (
    HELPER_FAILED,
    HELPER_MISSING,
    HELPER_PULLING,
    Transfer,
)
from workers.runtimes.docker.errors import AbsentError, answered
from workers.runtimes.docker.helper import Helper

WAIT_S = 6.0  # for its image, where it is not there yet
AGAIN_S = 60.0  # until it is waited for again, or asked for after a registry refused it
_OF_ITS_IMAGE = frozenset(
    {
        FailureCode.IMAGE_MISSING,
        FailureCode.REGISTRY_DENIED,
        FailureCode.REGISTRY_UNREACHABLE,
    }
)

_refused: dict[str, tuple[FailureError, float]] = {}  # host and image -> until when it is believed
_waited: dict[str, float] = {}  # the same -> until when it was waited for


class HelperPullingError(RuntimeUnreachableError):
    """Its image is on the way: try again soon. The host itself answers."""


class Help:
    """The helper of one conversation with a host. `pull` begins or polls the pull of its image."""

    def __init__(self, helper: Helper, pull: Callable[[], Transfer], *, known_as: str) -> None:
        self._helper = helper
        self._pull = pull
        self._known_as = known_as

    def ready(self) -> Helper:
        """Return it, running. Raises HelperPullingError, FailureError."""
        until = time.monotonic()
        if until - _waited.get(self._known_as, -AGAIN_S) >= AGAIN_S:
            until += WAIT_S
        while not self._is_up():
            if time.monotonic() > until:
                raise HelperPullingError("the helper's image is still being pulled")
            _waited[self._known_as] = until
            time.sleep(0.2)
        return self._helper

    def told(self, script: str) -> tuple[str, tuple[str, ...]]:
        """Return what it answers, and a warning where it does not: then the answer is empty."""
        try:
            with answered():
                status, answer = self.ready().run(script)
        except HelperPullingError:
            return "", (HELPER_PULLING,)
        except FailureError as error:
            code = error.failure.code
            if code in ABOUT_THE_HOST:
                raise
            return "", (HELPER_MISSING if code in _OF_ITS_IMAGE else HELPER_FAILED,)
        return (answer, ()) if status == 0 else ("", (HELPER_FAILED,))

    def _is_up(self) -> bool:
        """Return whether it runs; where its image is missing, see to that."""
        try:
            self._helper.ensure()
        except AbsentError:
            self._fetch()
            return False
        return True

    def _fetch(self) -> None:
        refusal, until = _refused.get(self._known_as, (None, 0.0))
        if refusal is not None and time.monotonic() < until:
            raise FailureError(refusal.failure)
        try:
            self._pull()
        except FailureError as error:
            _refused[self._known_as] = error, time.monotonic() + AGAIN_S
            raise
