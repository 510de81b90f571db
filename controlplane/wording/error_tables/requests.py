"""What was sent: malformed, too large, conflicting, too often."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables.remedies import CHECK_FIELDS, RETRY_LATER, Table

REQUESTS: Table = {
    "INVALID": (_("What was sent cannot be accepted."), CHECK_FIELDS),
    "FIELD_UNKNOWN": (_("Some fields do not exist here."), _("Leave them out.")),
    "VALUE_INVALID": (_("A value cannot be accepted."), CHECK_FIELDS),
    "VALUE_OUT_OF_RANGE": (_("A value is out of its range."), CHECK_FIELDS),
    "MALFORMED_BODY": (
        _("The body cannot be read as what it says it is."),
        _("Send JSON in UTF-8 with the header `Content-Type: application/json`."),
    ),
    "TOO_LARGE": (_("The body is larger than {limit_bytes}."), _("Send less at once.")),
    "NAME_INVALID": (
        _("“{name}” cannot be a name."),
        _("Use 1 to 48 lower-case letters, digits and hyphens, none of them at either end."),
    ),
    "MODEL_NAME_INVALID": (
        _("“{name}” cannot be the name of a model."),
        _("Write model:tag or namespace/model:tag, in letters, digits, dots, hyphens."),
    ),
    "MODELFILE_FROM_ONCE": (
        _("A Modelfile needs one FROM, and only one."),
        _("Begin it with FROM and the name of a model on the server."),
    ),
    "MODELFILE_FROM_PATH": (
        _("Line {line}: FROM takes the name of a model, not a path."),
        _("To use a file of yours, import it as a model and push it to the server."),
    ),
    "MODELFILE_INSTRUCTION": (
        _("Line {line}: “{word}” is not an instruction of a Modelfile."),
        _("Use FROM, PARAMETER, SYSTEM, TEMPLATE, ADAPTER, MESSAGE or LICENSE."),
    ),
    "MODELFILE_EMPTY": (_("Line {line}: {word} needs a value."), _("Give it one, or drop it.")),
    "MODELFILE_QUOTES": (
        _("Line {line}: the quotes do not end where the text does."),
        _("Put a text of many lines between three quotes, and none of them inside it."),
    ),
    "MODELFILE_PARAMETER_UNKNOWN": (
        _("Line {line}: {parameter} is not a parameter that can be set."),
        _("Take it out."),
    ),
    "MODELFILE_PARAMETER_RANGE": (
        _("Line {line}: {parameter} takes a number from {low} to {high}."),
        _("Choose a value in that range."),
    ),
    "MODELFILE_PARAMETER_TWICE": (
        _("A parameter is set twice; only stop may be."),
        _("Keep one of them."),
    ),
    "MODELFILE_STOP": (
        _("Line {line}: a stop text has 1 to {limit} characters."),
        _("Shorten it."),
    ),
    "MODELFILE_ADAPTER": (
        _("ADAPTER takes the sha256 of a file, not a path."),
        _("Import the adapter as a model and write sha256: and its 64 hexadecimal digits."),
    ),
    "MODELFILE_ADAPTER_ONCE": (
        _("Ollama takes one ADAPTER at a time."),
        _("Keep one; make a variant of that variant for another."),
    ),
    "MODELFILE_ROLE": (
        _("A MESSAGE is said by system, user or assistant."),
        _("Write one of these after MESSAGE."),
    ),
    "MODELFILE_MESSAGES": (
        _("A Modelfile holds {limit} messages at most, none of them empty."),
        _("Take some out."),
    ),
    "MODELFILE_TOO_LONG": (
        _("A Modelfile has {limit} characters at most."),
        _("Shorten its texts."),
    ),
    "REGISTRY_NOT_ALLOWED": (
        _("Models may not be fetched from {registry}."),
        _("Leave the registry out, or have an administrator allow it."),
    ),
    "NAME_TAKEN": (_("The name “{name}” is taken."), _("Choose another name.")),
    "NAME_NOT_CONFIRMED": (_("The name typed is not the name shown."), _("Type it once more.")),
    "NETWORK_INVALID": (
        _("{network} is no private network."),
        _("Write it with its length, as in 192.168.10.0/24."),
    ),
    "NOTHING_SELECTED": (
        _("Nothing was selected, or too much at once."),
        _("Select between 1 and {limit} rows."),
    ),
    "CURSOR_INVALID": (
        _("The cursor is not one of this list."),
        _("Start again without a cursor, with the same filters as before."),
    ),
    "UNKNOWN_RANGE": (_("There is no such time range."), _("Use 15m, 1h, 24h or 7d.")),
    "IDEMPOTENCY_KEY_INVALID": (
        _("The idempotency key is empty, too long or not plain text."),
        _("Use 1 to {limit} printable ASCII characters, a UUID for example."),
    ),
    "IDEMPOTENCY_MISMATCH": (
        _("This idempotency key came with another request before."),
        _("Use a new key for a new request."),
    ),
    "IDEMPOTENCY_RUNNING": (
        _("The first request with this idempotency key is still at work."),
        RETRY_LATER,
    ),
    "SECRET_SHOWN_ONCE": (
        _("This was done before, and its answer held a secret that is shown only once."),
        _("Use what you kept, or revoke it and begin anew with a new idempotency key."),
    ),
}
