"""Words for what goes wrong with containers, their images and what is sent to their hosts."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.failure_words import Words
from models_app.domain.failures import FailureCode

_F = FailureCode
_MIRROR = _("Or name a mirror, or an image that is on the host, in the host's connection.")
_RETRY = _("Retry once that is mended.")

FAILURES: dict[str, Words] = {
    _F.IMAGE_MISSING: Words(
        (
            _("The image {image} is neither on the host nor in its registry."),
            _("The engine's image is neither on the host nor in its registry."),
        ),
        (_("Load it on the host with docker load, or push it to the registry."), _MIRROR, _RETRY),
    ),
    _F.REGISTRY_DENIED: Words(
        (
            _("The registry does not give out {image}: it is private, or does not exist."),
            _("The registry does not give out the engine's image."),
        ),
        (_("Sign the host in to that registry, or check the image's name."), _MIRROR, _RETRY),
    ),
    _F.REGISTRY_UNREACHABLE: Words(
        (
            _("The host could not fetch {image}: the registry does not answer as it should."),
            _("The host could not fetch the engine's image."),
        ),
        (_("Check the host's network; Slipway tries again by itself."), _MIRROR),
    ),
    _F.NAME_TAKEN: Words(
        (
            _("A container that is not Slipway's has the name {name} (image {image})."),
            _("Something that is not Slipway's has the name of the replica."),
        ),
        (_("Rename or remove it on the host, then retry. Slipway does not touch it."),),
    ),
    _F.PUBLISH_ADDRESS: Words(
        (_("The host has no such address to publish the engine's port on."),),
        (_("Choose one of its private addresses in the host's connection."), _RETRY),
    ),
    _F.GPU_MISSING: Words(
        (_("Docker cannot give a GPU to the container."),),
        (
            _("Install the NVIDIA container toolkit on the host."),
            _("Or set the layers on the GPU to 0."),
        ),
    ),
    _F.TRANSFER_DAMAGED: Words(
        (
            _("{file} was damaged on its way to the host; the copy there was thrown away."),
            _("The file was damaged on its way to the host."),
        ),
        (
            _("Slipway sends it again by itself."),
            _("If it happens again, check the network, memory and disk of that host."),
        ),
    ),
    _F.RUNTIME_FAILED: Words(
        (
            _("The host's runtime answered: {reason}."),
            _("The host's runtime could not do what it was asked."),
        ),
        (_("Read its own words below; Slipway tries again by itself."),),
    ),
}
