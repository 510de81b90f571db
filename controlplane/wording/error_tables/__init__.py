"""The tables behind `errors.py`: code -> (sentence, what to do now), a module for each topic.

Sentences take the parameters that the error was raised with.
"""

from controlplane.wording.error_tables.answers import ANSWERS
from controlplane.wording.error_tables.deployments import DEPLOYMENTS
from controlplane.wording.error_tables.fields import FIELDS, KINDS
from controlplane.wording.error_tables.inventory import INVENTORY
from controlplane.wording.error_tables.people import PEOPLE
from controlplane.wording.error_tables.remedies import Table
from controlplane.wording.error_tables.requests import REQUESTS
from controlplane.wording.gateway_error_table import GATEWAY_SENTENCES

SENTENCES: Table = {
    **GATEWAY_SENTENCES,
    **PEOPLE,
    **REQUESTS,
    **DEPLOYMENTS,
    **INVENTORY,
    **ANSWERS,
}

__all__ = ["FIELDS", "KINDS", "SENTENCES"]
