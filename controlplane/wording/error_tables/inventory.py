"""Models, artifacts and hosts: what they are, and what cannot be done with them now."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables.remedies import (
    CHECK_FIELDS,
    CHOOSE_KNOWN,
    RETRY_LATER,
    Table,
)

INVENTORY: Table = {
    "ARTIFACT_ON_HOSTS": (
        _("{file} lies on its hosts only: there is no file here to read."),
        _("Its host compares digests when it is fetched; fetch it again to be sure."),
    ),
    "ARTIFACT_NOT_READY": (
        _("{file} cannot be used yet: it is {state}."),
        _("Wait until the import has finished, or import it again."),
    ),
    "ADAPTER_NOT_ONE": (
        _("{file} is a whole model, not an adapter."),
        _("Choose a GGUF file whose header says that it is an adapter (a LoRA)."),
    ),
    "ADAPTER_MISSING": (
        _("The adapter {file} cannot be used: it is {state}."),
        _("Import it again."),
    ),
    "ADAPTER_ARCHITECTURE": (
        _("{file} changes models of kind {of}; this one is of kind {model}."),
        _("Choose an adapter that was trained on this very model."),
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
    "UPLOAD_BUSY": (_("This upload is being written by another request."), RETRY_LATER),
    "UPLOAD_INCOMPLETE": (
        _("The connection ended before all had come; {done} bytes are here."),
        _("Go on from there, or begin again."),
    ),
    "DISK_SPACE": (
        _("It needs {needed_bytes} on disk; {free_bytes} are free."),
        _("Free space on the disk of Slipway's data folder, then try again."),
    ),
    "RUNTIME_UNKNOWN": (_("There is no runtime “{runtime}”."), CHOOSE_KNOWN),
    "CONNECTION_INVALID": (_("The connection cannot be accepted."), CHECK_FIELDS),
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
    "SECRET_INVALID": (_("The credentials cannot be accepted."), CHECK_FIELDS),
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
    "LOGS_UNAVAILABLE": (_("The logs cannot be read at this moment."), RETRY_LATER),
}
