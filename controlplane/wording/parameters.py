"""The engines' own words for their parameters, so that they are collected for translation.

The engine catalogue holds them in English, as the engines publish them; forms show
`gettext(title)`. A test asserts that every built-in engine's words are here.
"""

from django.utils.translation import gettext_noop as _

WORDS = (
    _("Context length"),
    _(
        "Tokens that one request and its answer may have together. 0: 4096, or the "
        "model's own length where that is less."
    ),
    _("Requests at a time"),
    _(
        "Requests answered at the same time. Each has its own context, so memory grows "
        "with their number."
    ),
    _("CPU threads"),
    _("Threads that compute. 0: one for each core that the engine may use."),
    _("Layers on the GPU"),
    _("Layers of the model that a GPU computes. -1: as many as fit; 0: none."),
    _("Type of the key/value cache"),
    _("Fewer bits take less memory for long contexts, and cost some accuracy."),
    _("Flash attention"),
    _("Computes attention in blocks. A quantised cache needs it."),
    _("Embeddings"),
    _("Answer requests for embeddings too."),
    _("Temperature"),
    _("How freely words are chosen where a request does not say. 0: always the likeliest."),
    _("Top p"),
    _(
        "Choose among the likeliest words that together have this probability, where a "
        "request does not say."
    ),
    _("Seed"),
    _("The same seed and request give the same answer. Empty: a new one each time."),
    _("Context length"),
    _("Tokens that a request and its answer may have together."),
    _("Requests at a time"),
    _("Requests answered at the same time; more of them wait their turn."),
    _("Delay of the first token"),
    _("Seconds before an answer begins."),
    _("Tokens per second"),
    _("Speed of one answer; 0 is as fast as the machine can."),
    _("Stall after tokens"),
    _("Each answer stops after so many tokens and never goes on."),
    _("Crash after tokens"),
    _("The engine dies when an answer reaches so many tokens."),
    _("Duration of the start"),
    _("Seconds between the start and being ready."),
    _("Start in silence"),
    _("No sign of progress during the start: a start that hangs."),
    _("Fail at the start"),
    _("The failure with which the engine ends instead of being ready."),
    _("Memory to hold (MiB)"),
    _("Memory that the engine takes and keeps."),
    _("Memory limit (MiB)"),
    _("Memory that the engine may take at most; it fails when it needs more."),
    _("Seed"),
    _("The same seed and question give the same answer; empty: a new one each time."),
    _("Stays loaded for"),
    _(
        "Seconds that the model stays in memory after its last request. -1: always; 0: it is "
        "loaded anew for each request."
    ),
    _("First GPU"),
    _("Number of the GPU that small results are computed on, where there are many."),
    _(
        "Requests answered at the same time; memory grows with their number. In a container "
        "only: a shared server's owner has set it."
    ),
    _("Computes attention in blocks. In a container only: a shared server's owner has set it."),
    _(
        "Fewer bits take less memory for long contexts and need flash attention. In a container "
        "only: a shared server's owner has set it."
    ),
    _("Models loaded at a time"),
    _(
        "Models that the server holds in memory at the same time. In a container only: a shared "
        "server's owner has set it."
    ),
    _("GPUs"),
    _(
        "Numbers of the GPUs it may use, such as 0,1. Empty: all. In a container only: a shared "
        "server's owner has set it."
    ),
)
