"""Each failure code's sentence with its figures, and what to do now.

Sentences are tried from the most telling to the plainest: the first whose figures are all known is
shown, so a failure recorded by an older version still reads well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from controlplane.wording import connecting, containers
from controlplane.wording.errors import error_sentence
from controlplane.wording.failure_words import Text, Words
from controlplane.wording.filling import fill, has_all
from controlplane.wording.formats import number_text
from controlplane.wording.gguf_faults import FAULTS
from models_app.domain.failures import FailureCode


@dataclass(frozen=True, slots=True)
class FailureText:
    """What is shown of a failure, in the language of the request."""

    code: str
    sentence: str
    remedies: tuple[str, ...]
    passed_over: tuple[tuple[str, str], ...] = ()  # host, why not


def failure_text(code: str, params: Mapping[str, Any] | None = None) -> FailureText:
    """Return the wording of a stored failure; one without wording says so by its own name."""
    known = dict(params or {})
    if known.get("refusal"):
        known["refused"] = error_sentence(str(known["refusal"]), known)
    words = _words_of(code, known)
    sentence = next((s for s in words.sentences if has_all(s, known)), words.sentences[-1])
    return FailureText(
        code=code,
        sentence=fill(sentence, {"code": code, **known}),
        remedies=tuple(str(remedy) for remedy in words.remedies),
        passed_over=passed_over_texts(known),
    )


def _words_of(code: str, params: Mapping[str, Any]) -> Words:
    """Return the words of a code; of a file that cannot be used, those of what is wrong with it."""
    fault = FAULTS.get(str(params.get("fault", "")))
    if fault and code in _OF_FILES:
        return Words(tuple(fault[0]), tuple(fault[1]))
    return _WORDS.get(code, _UNKNOWN)


def passed_over_texts(reason: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return each host passed over with its reason, and how many more for which."""
    named = reason.get("passed_over") or {}
    more = reason.get("passed_over_more") or {}
    lines = [(str(host), reason_text(str(why))) for host, why in named.items()]
    for why, count in more.items():
        text = ngettext("{n} more host", "{n} more hosts", count).format(n=number_text(count))
        lines.append((text, reason_text(str(why))))
    return tuple(lines)


def reason_text(code: str) -> str:
    """Return why a host was passed over, in a few words."""
    return (
        str(_REASONS[code]) if code in _REASONS else _now("not suitable ({code})").format(code=code)
    )


_RETRY = _("Retry once that is mended.")
_LOGS = _("Read the last lines of the engine below.")
_WAITS = _("Slipway tries again by itself; nothing was removed.")
_IMPORT_AGAIN = _("Import the model again.")
_LESS_MEMORY = (
    _("Lower the context length, or the number of replicas."),
    _("Choose a smaller quantisation of the model."),
    _("Stop another deployment, or add a host with more memory."),
)
_FREE_DISK = _("Free space on that disk, for example by deleting artifacts that nothing uses.")
_F = FailureCode
_OF_FILES = {_F.UNSUPPORTED_FORMAT, _F.ARTIFACT_INVALID}

_UNKNOWN = Words((_("It failed with code {code}."),), (_LOGS,))

_WORDS: dict[str, Words] = {
    **connecting.FAILURES,
    **containers.FAILURES,
    _F.ARTIFACT_MISSING: Words(
        (_("The file {file} is not where it should be."), _("The model's file is missing.")),
        (_IMPORT_AGAIN,),
    ),
    _F.CHECKSUM: Words(
        (
            _("{file} is not what was imported: its content does not match its sha256."),
            _("The file's content does not match its sha256."),
        ),
        (
            _("Import the model again; the wrong copy is not used."),
            _("If it happens again, check the disk and the memory of that machine."),
        ),
    ),
    _F.UNSUPPORTED_FORMAT: Words(
        (
            _("The engine {engine} cannot serve files of format {format}."),
            _("Slipway does not know this kind of file."),
        ),
        (_("Choose an engine that serves this format, or import the model as GGUF."),),
    ),
    _F.ARTIFACT_INVALID: Words(
        (
            _("The file cannot be used: {reason}."),
            _("The file is damaged, or not the kind of file it says it is."),
        ),
        (_("Download the file again from its publisher and import that copy."),),
    ),
    _F.DISK_FULL: Words(
        (_("The disk that holds {path} is full."), _("The disk is full.")), (_FREE_DISK, _RETRY)
    ),
    _F.DISK_SPACE: Words(
        (
            _("It needs {needed_bytes} on disk; {free_bytes} are free. Nothing was written."),
            _("There is not enough space on the disk. Nothing was written."),
        ),
        (_FREE_DISK, _RETRY),
    ),
    _F.SOURCE_UNREACHABLE: Words(
        (
            _("{host} does not answer ({reason})."),
            _("{host} does not answer."),
            _("The place that the model comes from does not answer."),
        ),
        (_("Check the network and the address. What has arrived is kept."), _WAITS),
    ),
    _F.SOURCE_REFUSED: Words(
        (
            _("The source answered with status {status}."),
            _("This source may not be used: {reason}."),
            _("The source refused."),
        ),
        (_("Check the address, and whether it asks for a sign-in."),),
    ),
    _F.SOURCE_STALLED: Words(
        (
            _("No data came for {seconds}."),
            _("The download stopped making progress."),
        ),
        (_WAITS, _("The download goes on where it stopped.")),
    ),
    _F.SOURCE_CUT: Words(
        (
            _("The line broke after {done_bytes}, and this server cannot go on from there."),
            _("The line broke, and this server cannot go on from there."),
        ),
        (
            _("Retry: it begins again from the first byte."),
            _("Bring the file another way: download it yourself, then upload it."),
        ),
    ),
    _F.SOURCE_CHANGED: Words(
        (
            _("{source} changed while it was being copied."),
            _("The file changed at its source while it was being fetched."),
        ),
        (_("Start the import again to take the new version."),),
    ),
    _F.NOT_ENOUGH_MEMORY: Words(
        (
            _("A replica needs {needed_bytes} of memory; {available_bytes} are free on {host}."),
            _("A replica needs {needed_bytes} of memory; no host has that much free."),
            _("No host has enough free memory."),
        ),
        _LESS_MEMORY,
    ),
    _F.MEMORY_UNKNOWN: Words(
        (_("How much memory this model needs is not known, so no host was chosen for it."),),
        (_("Name the host yourself in the deployment's placement."),),
    ),
    _F.NO_HOST: Words(
        (_("No host may take a replica of this deployment."),),
        (
            _("Check the deployment's placement, and whether its hosts are ready and open."),
            _("Add a host."),
        ),
    ),
    _F.NO_ROOM_ELSEWHERE: Words(
        (
            _("No other host takes a replica of {deployment} now. It stays and serves here."),
            _("No other host takes the replicas now. They stay and serve here."),
        ),
        (
            _("Add or open a host, or free memory: it goes on by itself as soon as there is room."),
            _("Cancel the draining to leave things as they are."),
        ),
    ),
    _F.CONTEXT_TOO_LARGE: Words(
        (
            _("A context of {asked} tokens was asked for; the model takes {limit} at most."),
            _("The context asked for is larger than the model's."),
        ),
        (_("Lower the context length."),),
    ),
    _F.RUNTIME_UNSUPPORTED: Words(
        (
            _("The engine {engine} does not run on hosts of kind {runtime}."),
            _("The engine does not run on this kind of host."),
        ),
        (_("Choose another engine, or another host."),),
    ),
    _F.OUT_OF_MEMORY: Words(
        (
            _("The engine ran out of memory: {predicted_bytes} were predicted, {peak_bytes} used."),
            _("The model needs {needed_bytes} of memory; the server has {free_bytes} free."),
            _("The engine ran out of memory; {predicted_bytes} were predicted."),
            _("The engine ran out of memory."),
        ),
        _LESS_MEMORY,
    ),
    _F.PORT_IN_USE: Words(
        (_("Port {port} is taken by another program."), _("The engine's port is taken.")),
        (_WAITS, _("Stop the program that listens there.")),
    ),
    _F.ENGINE_MISSING: Words(
        (
            _("The engine {engine} is not installed where the workers run."),
            _("The engine is not installed where the workers run."),
        ),
        (_("Install it, then restart Slipway's workers."),),
    ),
    _F.ENGINE_EXITED: Words(
        (_("The engine ended with exit code {exit_code}."), _("The engine ended by itself.")),
        (_LOGS, _WAITS),
    ),
    _F.STARTUP_STALLED: Words(
        (
            _("The engine was starting and made no progress for {seconds}."),
            _("The engine was starting and made no progress any more."),
        ),
        (_LOGS, _("Check whether the host is overloaded or its disk very slow.")),
    ),
    _F.READINESS_FAILED: Words(
        (
            _("The engine started, but did not answer a first request: {answer}"),
            _("The engine started, but did not answer a first request."),
        ),
        (_LOGS, _("Check that this engine can serve this model.")),
    ),
    _F.HEALTH_LOST: Words(
        (
            _("The engine ran and stopped answering: {misses} checks in a row failed."),
            _("The engine ran and stopped answering."),
        ),
        (_("It is restarted by itself."), _LOGS),
    ),
    _F.ENGINE_STUCK: Words(
        (
            _(
                "The engine said that it was well, but for {seconds} it got on with no request:"
                " no tokens, no use of the processor."
            ),
            _("The engine said that it was well, but got on with no request."),
        ),
        (_("It is restarted by itself."), _LOGS),
    ),
    _F.HOST_UNREACHABLE: Words(
        (
            _("{host} does not answer. What runs there is left as it is."),
            _("The host does not answer. What runs there is left as it is."),
        ),
        (_("Check its power and network; Slipway keeps trying."),),
    ),
    _F.HOST_REFUSED: Words(
        (
            _("The host answers, but refuses: {reason}."),
            _("The host answers, but refuses what Slipway asks."),
        ),
        (_("Check its settings and credentials, then check the host again."),),
    ),
    _F.HOST_BUSY: Words(
        (_("The server takes no more requests for now: its queue is full."),),
        (_WAITS, _("Lower the load on it, or raise its limit of waiting requests.")),
    ),
    _F.OLLAMA_REFUSED: Words(
        (
            _("The Ollama server refuses: {message}."),
            _("The Ollama server refuses what Slipway asks."),
        ),
        (_("Check the model's name and its Modelfile, then retry."),),
    ),
    _F.WISH_REFUSED: Words(
        (_("It was refused: {refused}"), _("What was asked for was refused.")),
        (_("Change what was asked for, then retry."),),
    ),
    _F.INTERNAL: Words(
        (_("Slipway itself failed at this step ({reason})."), _("Slipway itself failed here.")),
        (_WAITS, _("If it stays, report it with the lines below.")),
    ),
}

# Codes that engines add to the catalogue of failures for their own parameters.
_WORDS["PARAMETERS_INVALID"] = Words(
    (
        _("The engine does not take this value of {parameter}."),
        _("The engine does not take these parameters."),
    ),
    (_("Edit the deployment's parameters."),),
)

_REASONS: dict[str, Text] = {
    "NOT_NAMED": _("not among the hosts named"),
    "LABELS_DIFFER": _("its labels differ"),
    "RUNTIME_UNSUPPORTED": _("the engine does not run on this kind of host"),
    "PARAMETERS_NOT_THERE": _("a parameter that is set can only be set in a container"),
    "HOST_NOT_READY": _("not ready"),
    "HOST_CLOSED": _("closed for new replicas"),
    "COPY_THERE": _("a copy is there already, and copies must be apart"),
    "MORE_COPIES": _("more copies of it are there"),
    "FEWER_COPIES": _("fewer copies of it are there"),
    "FILE_NOT_THERE": _("the model's file is not there yet"),
    "LESS_ROOM": _("less memory is free there"),
    "MORE_ROOM": _("more memory is free there, and copies are packed"),
    "AS_GOOD": _("just as good; the first name was taken"),
    "MEMORY_UNKNOWN": _("the memory it has, or what is needed, is unknown"),
    "NOT_ENOUGH_MEMORY": _("not enough free memory"),
    "ARTIFACT_NOT_THERE": _("the model lies on another server and cannot be brought here"),
}
