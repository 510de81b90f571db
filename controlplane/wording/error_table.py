"""The table behind `errors.py`: code -> (sentence, what to do now). Sentences take the parameters
that the error was raised with.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from controlplane.wording.gateway_error_table import GATEWAY_SENTENCES

Text = str | Promise

_RELOAD = _("Read it again, then repeat the change.")
_SIGN_IN = _("Sign in, or send a valid API token.")
_CHECK_FIELDS = _("Correct the fields named, then send it again.")
_RETRY_LATER = _("Try again in a moment.")
_LOWER = _("Lower it, then send it again.")
_CHOOSE_KNOWN = _("Choose one of those that exist.")

SENTENCES: dict[str, tuple[Text, Text]] = {
    **GATEWAY_SENTENCES,
    # --- who asks ----------------------------------------------------------------------------
    "NOT_SIGNED_IN": (_("You are not signed in."), _SIGN_IN),
    "SIGN_IN_FAILED": (_("Name or password is wrong."), _("Check both and try again.")),
    "SIGN_IN_THROTTLED": (
        _("Too many failed attempts. The next one is possible in {wait_s}."),
        _("Wait, or ask an admin for a one-time sign-in link."),
    ),
    "LINK_USED_UP": (
        _("This link has been used, or its time is over."),
        _("Ask for a new link, or make one with `manage.py sign_in_link`."),
    ),
    "TOKEN_INVALID": (
        _("The API token is unknown, expired or revoked."),
        _("Create a new token in your profile."),
    ),
    "NOT_ALLOWED": (
        _("This needs the role {needed}; yours is {role}."),
        _("Ask an admin for the role, or use a token with a wider scope."),
    ),
    "SCOPE_TOO_WIDE": (
        _("A token cannot allow more than you may do: {needed} is more than {role}."),
        _("Choose a narrower scope."),
    ),
    "SCOPE_UNKNOWN": (
        _("A token needs one or more of the scopes read, operate and admin."),
        _CHOOSE_KNOWN,
    ),
    "KEY_SCOPE_TOO_WIDE": (
        _("Only an {needed} may have a key for every model; you are {role}."),
        _("Name the deployments and aliases that the key is for."),
    ),
    "KEY_SCOPE_EMPTY": (
        _("A key needs something that it opens."),
        _("Name a deployment or an alias."),
    ),
    "KEY_ROUTE_UNKNOWN": (
        _("A key needs one or more kinds of requests."),
        _CHOOSE_KNOWN,
    ),
    "MODEL_NAME_UNKNOWN": (
        _("There is no deployment or alias named {names}."),
        _CHOOSE_KNOWN,
    ),
    "ALIAS_EMPTY": (
        _("Nobody would answer for this alias."),
        _("Name at least one deployment that exists, with a weight above zero."),
    ),
    "ALIAS_TWICE": (
        _("A deployment is named twice."),
        _("Name each deployment once, with a weight or as a fallback."),
    ),
    "CSRF_FAILED": (
        _("This request did not come from a page of this Slipway."),
        _("Reload the page and try again; scripts use a bearer token instead of cookies."),
    ),
    "NOT_SET_UP": (
        _("Your account is not set up yet."),
        _("Open Slipway in the browser and choose your name and password first."),
    ),
    "ALREADY_SET_UP": (_("This account is set up already."), _("Change it in your profile.")),
    "LAST_ADMIN": (
        _("{name} is the last admin; without one nobody could manage Slipway."),
        _("Make somebody else an admin first."),
    ),
    "ROLE_UNKNOWN": (_("There is no such role."), _("Use viewer, operator or admin.")),
    "PASSWORD_WRONG": (_("The current password is wrong."), _("Type it again.")),
    "PASSWORD_TOO_SHORT": (
        _("The password is too short: it needs 12 characters at least."),
        _("Use a few words in a row."),
    ),
    "PASSWORD_TOO_LONG": (
        _("The password is longer than 1,024 characters."),
        _("Use a shorter one."),
    ),
    "PASSWORD_TOO_COMMON": (
        _("This password is on every attacker's list."),
        _("Use a few words in a row."),
    ),
    "PASSWORD_TOO_SIMILAR": (
        _("The password is too much like the name."),
        _("Use words that have nothing to do with you."),
    ),
    "PASSWORD_WEAK": (_("The password is too weak."), _("Use a few words in a row.")),
    # --- what was sent -----------------------------------------------------------------------
    "INVALID": (_("What was sent cannot be accepted."), _CHECK_FIELDS),
    "FIELD_UNKNOWN": (_("Some fields do not exist here."), _("Leave them out.")),
    "VALUE_INVALID": (_("A value cannot be accepted."), _CHECK_FIELDS),
    "VALUE_OUT_OF_RANGE": (_("A value is out of its range."), _CHECK_FIELDS),
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
        _("ADAPTER takes the sha256 of a file on the server, not a path."),
        _("Write it as sha256: and 64 hexadecimal digits."),
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
        _RETRY_LATER,
    ),
    "SECRET_SHOWN_ONCE": (
        _("This was done before, and its answer held a secret that is shown only once."),
        _("Use what you kept, or revoke it and begin anew with a new idempotency key."),
    ),
    # --- deployments -------------------------------------------------------------------------
    "ENGINE_UNKNOWN": (_("There is no engine “{engine}”."), _CHOOSE_KNOWN),
    "PARAMETERS_INVALID": (_("The engine does not take these parameters."), _CHECK_FIELDS),
    "UNSUPPORTED_FORMAT": (
        _("The engine {engine} cannot serve files of format {format}."),
        _("Choose another engine, or another artifact."),
    ),
    "CONTEXT_TOO_LARGE": (
        _("A context of {asked} tokens was asked for; the model takes {limit} at most."),
        _("Lower the context length."),
    ),
    "REPLICAS_OUT_OF_RANGE": (
        _("The number of replicas must be between 0 and {limit}."),
        _("Choose a number in that range."),
    ),
    "PLACEMENT_INVALID": (
        _("The placement cannot be understood."),
        _(
            "Give `hosts` (a list of names) or `selector` (for each label a text, or one of `in`, "
            "`not_in` and `exists`), and `policy` spread or pack."
        ),
    ),
    "HOST_UNKNOWN": (_("There is no host {names}."), _CHOOSE_KNOWN),
    "REVISION_UNKNOWN": (_("There is no revision {number}."), _CHOOSE_KNOWN),
    "BEING_DELETED": (
        _("{name} is being deleted."),
        _("Wait until it is gone, then create it anew."),
    ),
    "STATE_FORBIDS": (
        _("That cannot be done while it is {state}."),
        _("Wait until its state has changed."),
    ),
    "STALE": (_("{name} was changed by somebody else meanwhile."), _RELOAD),
    # --- models, artifacts, hosts ------------------------------------------------------------
    "ARTIFACT_ON_HOSTS": (
        _("{file} lies on its hosts only: there is no file here to read."),
        _("Its host compares digests when it is fetched; fetch it again to be sure."),
    ),
    "ARTIFACT_NOT_READY": (
        _("{file} cannot be used yet: it is {state}."),
        _("Wait until the import has finished, or import it again."),
    ),
    "HOST_MODEL_IN_USE": (
        _("{name} is used by: {deployments}."),
        _("Delete these deployments, or give them another model, first."),
    ),
    "MODELFILE_NOT_FIELDS": (
        _("This Modelfile says more than the fields can."),
        _("Go on with it as text."),
    ),
    "HOST_MODEL_OURS": (
        _("{name} was put there by Slipway, which takes it away itself."),
        _("Remove the deployment or the placement that it belongs to."),
    ),
    "HOST_MODEL_UNKNOWN": (
        _("{host} has no model {name}."),
        _("Pull it first, or choose one of its models."),
    ),
    "HOST_MODEL_BUSY": (
        _("Something is being done to {name} on that host."),
        _("Wait for it, or cancel it first."),
    ),
    "HOST_KEEPS_NO_MODELS": (
        _("{name} is not an Ollama server: it keeps no models of its own."),
        _("Choose an Ollama host."),
    ),
    "MODEL_IN_USE": (
        _("{name} is used by: {deployments}."),
        _("Delete these deployments, or give them another model, first."),
    ),
    "MODEL_GONE": (_("The model was deleted meanwhile."), _("Start the import again.")),
    "IMPORT_RUNNING": (
        _("{name} is being imported from there already."),
        _("Watch that operation instead: {operation}."),
    ),
    "SOURCE_UNKNOWN": (_("Models cannot come from there."), _("Use file, url or upload.")),
    "URL_INVALID": (
        _("This is not a web address that models can come from."),
        _("Give an address that begins with http:// or https://, without a user name in it."),
    ),
    "URL_FORBIDDEN": (
        _("This address leads to this machine or its own network services."),
        _(
            "Give another address. An operator may allow a local network in SLIPWAY_FETCH_NETWORKS;"
            " those of cloud metadata stay refused."
        ),
    ),
    "REFERENCE_INVALID": (
        _("The reference is not one of the source {source}."),
        _(
            "Give `url` for url, `path` for file, `upload` and `file_name` for upload, "
            "each as text; `sha256` if you know it."
        ),
    ),
    "PATH_INVALID": (
        _("This is not the path of a file."),
        _("Give the whole path of a regular file: it begins with / and has no .. in it."),
    ),
    "PATH_FORBIDDEN": (
        _("Models cannot come from the folders of the system's kernel."),
        _("Copy the file somewhere else, then give that path."),
    ),
    "PATH_MISSING": (
        _("There is no such file on this machine."),
        _("Check the path; it is read where Slipway runs, not where your browser does."),
    ),
    "PATH_UNREADABLE": (
        _("The file cannot be read by Slipway."),
        _("Let the user that Slipway runs as read it, and every folder above it."),
    ),
    "NOT_A_MODEL": (
        _("The file is no GGUF that can be served ({fault}). Nothing of it was kept."),
        _("Choose a .gguf file; if it is one, download it again from its publisher."),
    ),
    "UPLOAD_UNFINISHED": (
        _("The upload is not finished: {done_bytes} of {size_bytes} are here."),
        _("Send the rest first, beginning where it ends."),
    ),
    "UPLOAD_UNKNOWN": (_("There is no such upload."), _("Upload the file first.")),
    "UPLOAD_OFFSET": (
        _("The upload holds {done} bytes; the piece sent does not begin there."),
        _("Go on from the size that the upload has now."),
    ),
    "UPLOAD_TOO_LARGE": (
        _("A file of more than {limit_bytes} may not be uploaded."),
        _("Import it by its web address or its path on the server, or raise the limit."),
    ),
    "UPLOAD_OVERRUN": (
        _("More was sent than the {size_bytes} that were announced; the piece was not kept."),
        _("Begin a new upload with the file's real size."),
    ),
    "UPLOAD_BUSY": (_("This upload is being written by another request."), _RETRY_LATER),
    "UPLOAD_INCOMPLETE": (
        _("The connection ended before all had come; {done} bytes are here."),
        _("Go on from there, or begin again."),
    ),
    "DISK_SPACE": (
        _("It needs {needed_bytes} on disk; {free_bytes} are free."),
        _("Free space on the disk of Slipway's data folder, then try again."),
    ),
    "RUNTIME_UNKNOWN": (_("There is no runtime “{runtime}”."), _CHOOSE_KNOWN),
    "CONNECTION_INVALID": (_("The connection cannot be accepted."), _CHECK_FIELDS),
    "IDENTITY_INVALID": (
        _("This is not the identity of a host."),
        _("Give an SSH host key, or the sha256 of a certificate in small hexadecimal digits."),
    ),
    "IDENTITY_NOT_SHOWN": (
        _("{name} does not show that identity now."),
        _("Look at the host again before you accept anything."),
    ),
    "CHECK_UNUSABLE": (
        _("That test of the connection has failed, is too old, or was not yours."),
        _("Test the connection again."),
    ),
    "CHECK_OTHER": (
        _("The connection was changed after it was tested."),
        _("Test the connection again."),
    ),
    "CHECK_ANEW": (
        _("A test of a connection keeps no credentials, so it cannot be repeated."),
        _("Begin a new test."),
    ),
    "IDENTITY_NOT_CONFIRMED": (
        _("The host's identity is not confirmed."),
        _("Compare the fingerprint with the host's own, then confirm it."),
    ),
    "ROWS_OUT_OF_RANGE": (
        _("One host at least, {limit} at most."),
        _("Send them in several lists."),
    ),
    "HOST_NOT_SHARING": (
        _("Only keys of a Docker host can be shared, with another Docker host."),
        _("Name a Docker host that exists, or add this one by itself with its credentials."),
    ),
    "SECRET_INVALID": (_("The credentials cannot be accepted."), _CHECK_FIELDS),
    "PROCESS_HOST_EXISTS": (
        _("This machine is a host already."),
        _("Use the host of kind process that exists."),
    ),
    "LABELS_INVALID": (
        _("The labels cannot be accepted."),
        _("Use at most {limit} labels, each key and value 1 to 63 printable characters."),
    ),
    "BUDGET_TOO_SMALL": (
        _("A memory budget under {floor_bytes} is too small for any model."),
        _("Raise it, or leave it empty to allow all of the memory."),
    ),
    "DEMO_EXISTS": (
        _("The demo is here already."),
        _("Take it away first with `manage.py seed_demo --clear`."),
    ),
    "HOST_IN_USE": (
        _("Replicas still on {name}: {replicas}."),
        _("Drain the host first, and wait until it is empty."),
    ),
    "PLACEMENT_IN_USE": (
        _("Replicas that use this artifact on this host: {replicas}."),
        _("Stop or move them first."),
    ),
    "ALREADY_DONE": (_("{title} has been done already."), _("There is nothing to repeat.")),
    "LOGS_UNAVAILABLE": (_("The logs cannot be read at this moment."), _RETRY_LATER),
    # --- chats -------------------------------------------------------------------------------
    "CHATS_FULL": (
        _("You have kept {limit} chats, which is the most."),
        _("Delete those that you no longer need."),
    ),
    "CHAT_TOO_LARGE": (_("The chat is too long to be kept."), _("Keep a shorter part of it.")),
    # --- answers of models -------------------------------------------------------------------
    "NO_READY_REPLICA": (
        _("{name} has no replica that is ready."),
        _("Look at the deployment: it says what it waits for."),
    ),
    "ENGINE_UNREACHABLE": (_("The engine on {host} does not answer."), _RETRY_LATER),
    "ENGINE_REFUSED": (
        _("The engine refused the request: {message}"),
        _("Change the request; the engine says what it does not take."),
    ),
    "ENGINE_BUSY": (_("The engine on {host} is busy."), _RETRY_LATER),
    "ENGINE_MALFORMED": (
        _("The engine on {host} sent an answer that cannot be read."),
        _("Look at the logs of the replica {workload}."),
    ),
    "ENGINE_DIED": (
        _("The engine on {host} ended in the middle of the answer."),
        _("Send it again; the replica is restarted by itself."),
    ),
    "FIRST_TOKEN_TIMEOUT": (
        _("No answer began within {seconds}."),
        _("Try a shorter prompt, or more replicas."),
    ),
    "ANSWER_STALLED": (_("The answer stopped coming for {seconds}."), _("Send it again.")),
    "ROUTING_FAILED": (_("The request could not be handed to an engine."), _RETRY_LATER),
    # --- the rest ----------------------------------------------------------------------------
    "NOT_FOUND": (
        _("Not found: {kind} “{ref}”."),
        _("It may have been deleted, or you may not see it. List what there is."),
    ),
    "ROUTE_UNKNOWN": (
        _("There is nothing at this address."),
        _("The interactive documentation at /api/v1/docs lists every address."),
    ),
    "METHOD_NOT_ALLOWED": (
        _("This address does not take the method {method}."),
        _("It takes: {allowed}."),
    ),
    "BAD_REQUEST": (_("The request cannot be understood."), _("Check its address and headers.")),
    "CONFLICT": (_("Its state does not allow that now."), _RELOAD),
    "TOO_MANY": (_("Too many requests."), _("Wait {wait_s}, then go on more slowly.")),
    "UNAVAILABLE": (_("A part of Slipway that this needs is away."), _RETRY_LATER),
    "INTERNAL": (
        _("Slipway failed here. The failure was recorded."),
        _("Try again; if it stays, report it with the request id."),
    ),
}

FIELDS: dict[str, Text] = {
    "FIELD_REQUIRED": _("This is needed."),
    "FIELD_UNKNOWN": _("There is no such field."),
    "VALUE_INVALID": _("This value cannot be accepted."),
    "VALUE_OUT_OF_RANGE": _("This is out of its range."),
    "WRONG_TYPE": _("This is of the wrong type."),
    "NAME_INVALID": _("Use 1 to 48 lower-case letters, digits and hyphens."),
    "NAME_TAKEN": _("This name is taken."),
    "CONTEXT_TOO_LARGE": _("The model takes {limit} tokens at most."),
    "UNSUPPORTED_FORMAT": _("This engine cannot serve it."),
    "HOST_UNKNOWN": _("There is no host {names}."),
    "MODEL_NAME_UNKNOWN": _("There is no {names}."),
    # --- connections of hosts
    "IDENTITY_NOT_CONFIRMED": _("Compare the fingerprint, then tick this."),
    "SECRET_ASKED_AGAIN": _("The address has changed: enter the credentials for it anew."),
    "TRANSPORT_UNKNOWN": _("Use unix, tcp or ssh."),
    "ADDRESS_INVALID": _("Give a name or an address, with a port: 10.0.0.5:2376."),
    "ADDRESS_FORBIDDEN": _("No host may be there: link-local, metadata or multicast."),
    "PLAIN_NOT_LOOPBACK": _("Without TLS only this machine itself: 127.0.0.1 or localhost."),
    "SERVER_URL_INVALID": _("Give an address like http://10.0.0.7:11434, without a user name."),
    "SOCKET_PATH_INVALID": _("Give an absolute path without .. in it: /var/run/docker.sock."),
    "LOGIN_NAME_INVALID": _("Give the name of a user of that machine."),
    "PUBLISH_ADDRESS_INVALID": _("Give a private or loopback address of the host."),
    "IMAGE_PREFIX_INVALID": _("Give a registry and a path: registry.lan/mirror/."),
    "IMAGE_INVALID": _("Give engine names with images: llamacpp, and local/llamacpp:dev."),
    "SECRET_MISSING": _("This is needed for this way of connecting."),
    "SECRET_UNUSABLE": _("This cannot be a credential of this kind."),
    "SECRET_NEEDS_TLS": _("A credential is sent over https only, or on this machine itself."),
    "SECRET_EITHER_OR": _("Give a token, or a user name and password, not both."),
    "CERTIFICATE_INVALID": _("This is not a certificate in PEM form."),
    "PRIVATE_KEY_INVALID": _("This is not a private key in PEM form."),
    "PRIVATE_KEY_OTHER": _("This key does not belong to the certificate."),
    "PRIVATE_KEY_ENCRYPTED": _("This key is encrypted; give it without a passphrase."),
    "PASSPHRASE_NEEDED": _("The private key is encrypted: give its passphrase."),
    "SHA256_INVALID": _("A SHA-256 has 64 hexadecimal digits."),
    "FILE_NAME_INVALID": _("A file name has no / or \\ in it and at most 120 characters."),
    "BUNDLED_UNKNOWN": _("No such model comes with Slipway."),
}

KINDS: dict[str, Text] = {
    "deployment": pgettext_lazy("kind", "deployment"),
    "revision": pgettext_lazy("kind", "revision"),
    "replica": pgettext_lazy("kind", "replica"),
    "host": pgettext_lazy("kind", "host"),
    "host_model": pgettext_lazy("kind", "model on that host"),
    "model": pgettext_lazy("kind", "model"),
    "artifact": pgettext_lazy("kind", "artifact"),
    "placement": pgettext_lazy("kind", "placement"),
    "operation": pgettext_lazy("kind", "operation"),
    "event": pgettext_lazy("kind", "event"),
    "engine": pgettext_lazy("kind", "engine"),
    "user": pgettext_lazy("kind", "user"),
    "token": pgettext_lazy("kind", "token"),
    "gateway_key": pgettext_lazy("kind", "gateway key"),
    "alias": pgettext_lazy("kind", "alias"),
    "chat": pgettext_lazy("kind", "chat"),
    "upload": pgettext_lazy("kind", "upload"),
    "fragment": pgettext_lazy("kind", "part of the page"),
}
