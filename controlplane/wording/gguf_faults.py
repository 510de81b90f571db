"""What is wrong with a file that is no GGUF, in words that do not need the format's own.

A fault is the `fault` parameter of the failure that an import ends with; its figures are the other
parameters.
"""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_app.domain.gguf import GgufFault as F

Text = str | Promise

_AGAIN = _("Download it again, and compare its size and checksum with the publisher's.")
_ITSELF = _("Choose the .gguf file itself, not the page that tells of it or an archive around it.")
_OTHER = _("Take another file of this model, made by a current version of llama.cpp.")
_MERGE = _("Join the parts first: llama-gguf-split --merge, or choose a file that is whole.")
_SUSPECT = _("Do not use it: a file that claims this is damaged, or made to do harm.")

FAULTS: Mapping[str, tuple[Sequence[Text], Sequence[Text]]] = {
    F.NOT_GGUF: (
        (
            _("{file} is not a GGUF file: it does not begin like one. Nothing was kept of it."),
            _("This is not a GGUF file: it does not begin like one."),
        ),
        (_ITSELF,),
    ),
    F.VERSION: (
        (_("The file is a GGUF of version {version}; Slipway reads versions 2 and 3."),),
        (_OTHER,),
    ),
    F.SPLIT: (
        (_("This is one of {parts} parts of a model, and cannot run alone."),),
        (_MERGE,),
    ),
    F.TENSOR_TYPE: (
        (_("The weights {tensor} are in a number format ({type}) that Slipway does not know."),),
        (_OTHER,),
    ),
    F.TRUNCATED: (
        (_("The file breaks off after {size_bytes}, before its own description ends."),),
        (_AGAIN,),
    ),
    F.TENSOR_OFFSET: (
        (
            _("The file is cut short: it has {available_bytes} of weights, and describes more."),
            _("The file's weights do not lie where its description says."),
        ),
        (_AGAIN,),
    ),
    F.NO_TENSORS: ((_("The file describes a model, but holds no weights."),), (_OTHER,)),
    F.TOO_MANY_TENSORS: (
        (_("The file claims {count} pieces of weights; no model has more than {limit}."),),
        (_SUSPECT, _AGAIN),
    ),
    F.TOO_MANY_KEYS: (
        (_("The file claims {count} entries of description; no model has more than {limit}."),),
        (_SUSPECT, _AGAIN),
    ),
    F.TOO_LONG: (
        (_("The file's description is longer than any model's: more than {limit} at one place."),),
        (_SUSPECT, _AGAIN),
    ),
    F.VALUE_TYPE: (
        (_("The file's description holds something unreadable at byte {at}."),),
        (_AGAIN,),
    ),
    F.DUPLICATE: ((_("The file describes the same thing twice."),), (_AGAIN,)),
    F.ALIGNMENT: ((_("The file's weights are laid out in a way that cannot be."),), (_AGAIN,)),
    F.DIMENSIONS: (
        (_("The weights {tensor} have a shape that cannot be."),),
        (_SUSPECT, _AGAIN),
    ),
}
"""Fault -> (sentences from the most telling to the plainest, remedies)."""
