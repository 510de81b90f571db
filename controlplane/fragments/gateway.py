"""The parts of the gateway's pages: keys, aliases, and what was used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from controlplane.fragments.listing import Listing, listing, sorted_by
from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.formats import percent_text
from controlplane.wording.gateway import limits_words, routes_words, timeouts_words
from models_app.domain.actors import Actor
from models_app.domain.gateway import AliasTarget, AliasTargets, KeyStanding, Limits, Timeouts
from models_app.domain.states import Role
from models_app.models import Alias, AliasVersion, Deployment, GatewayKey
from models_app.selectors.aliases import (
    alias_get,
    aliases_visible,
    deployment_names,
    targets_of,
    versions_visible,
)
from models_app.selectors.gateway_keys import facts_of, keys_visible, standing_of
from models_app.selectors.model_names import ModelNames, names_of_keys

VERSIONS_SHOWN = 50
_KEY_COLUMNS = {"name": "name", "used": "last_used_at", "expires": "expires_at"}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key as people see it."""

    key: GatewayKey
    standing: KeyStanding
    names: ModelNames
    routes: str
    limits: list[tuple[str, str]]

    @property
    def models(self) -> list[str]:
        """What it opens, by name."""
        return [*self.names.aliases, *self.names.deployments]


@dataclass(frozen=True, slots=True)
class Slice:
    """One deployment's part of an alias: where on the bar, how much, and whether it serves."""

    name: str
    state: str
    weight: int
    percent: float
    start: float
    series: int


@dataclass(frozen=True, slots=True)
class AliasLine:
    """An alias, or a version of one, as a picture."""

    alias: Alias
    version: AliasVersion | None
    targets: AliasTargets
    slices: list[Slice]
    fallback: list[Slice]

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        shares = ", ".join(f"{s.name} {percent_text(s.percent)}" for s in self.slices)
        if not self.fallback:
            return shares
        order = ", ".join(s.name for s in self.fallback)
        return gettext("{shares}; then {order}").format(shares=shares, order=order)

    @property
    def is_current(self) -> bool:
        """Whether this is the version that holds."""
        return self.version is not None and self.version.pk == self.alias.current_id


@fragment("gateway.keys", template="gateway/_keys.html", lists=("gateway_key",), every_s=15)
def keys_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of keys, as the address filters it."""
    return keys_context(actor, asked.filters)


def keys_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of keys that `filters` ask for."""
    everybodys = actor.role.allows(Role.ADMIN) and filters.get("of") == "everybody"
    rows = keys_visible(
        actor,
        everybodys=everybodys,
        revoked=filters.get("state") == "revoked",
        search=filters.get("search") or None,
    )
    found: Listing[KeyLine] = listing(
        sorted_by(rows, filters, _KEY_COLUMNS), filters, shown_as=key_lines
    )
    return {"listing": found, "filters": filters, "everybodys": everybodys}


def key_lines(keys: Iterable[GatewayKey]) -> list[KeyLine]:
    """Return keys as they are shown, in two queries."""
    keys = list(keys)
    names = names_of_keys(keys)
    return [
        KeyLine(
            key,
            standing_of(key),
            names[key.pk],
            routes_words(key.routes),
            limits_words(facts_of(key).limits),
        )
        for key in keys
    ]


@fragment(
    "gateway.aliases", template="gateway/_aliases.html", lists=("alias", "deployment"), every_s=15
)
def aliases_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of aliases, as the address filters it."""
    return aliases_context(actor, asked.filters)


def aliases_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of aliases that `filters` ask for."""
    rows = aliases_visible(actor, search=filters.get("search") or None)
    found: Listing[AliasLine] = listing(
        rows, filters, shown_as=lambda aliases: alias_lines([(a, a.current) for a in aliases])
    )
    return {"listing": found, "filters": filters}


@fragment("alias.body", template="gateway/_alias.html", of="alias", lists=("deployment",))
def alias_body(actor: Actor, asked: Asked) -> dict[str, Any]:
    """One alias: its picture and its versions."""
    return alias_context(actor, alias_get(actor, asked.id))


def alias_context(actor: Actor, alias: Alias) -> dict[str, Any]:
    """Return one alias with its versions, newest first."""
    versions = list(versions_visible(actor, alias)[:VERSIONS_SHOWN])
    current = alias.current
    lines = alias_lines([(alias, current), *((alias, version) for version in versions)])
    return {"alias": alias, "line": lines[0], "versions": lines[1:]}


def alias_lines(rows: Iterable[tuple[Alias, AliasVersion | None]]) -> list[AliasLine]:
    """Return aliases at some of their versions as pictures, in two queries."""
    rows = list(rows)
    names = deployment_names(version for _alias, version in rows if version)
    states = dict(Deployment.objects.filter(name__in=names.values()).values_list("name", "state"))
    return [_line(alias, version, names, states) for alias, version in rows]


def gateway_rows(deployment: Deployment) -> list[tuple[str, str]]:
    """Return what the gateway allows a deployment: label and figure."""
    limits = limits_words(Limits(**deployment.limits))
    nothing = [(gettext("Limits"), gettext("none; each key has its own"))]
    return [*(limits or nothing), *timeouts_words(Timeouts(**deployment.timeouts))]


def _line(
    alias: Alias,
    version: AliasVersion | None,
    names: Mapping[str, str],
    states: Mapping[str, str],
) -> AliasLine:
    targets = targets_of(alias, version, names)
    total = sum(target.weight for target in targets.targets) or 1
    slices, start = [], 0.0
    for number, target in enumerate(targets.targets):
        percent = 100 * target.weight / total
        slices.append(_slice(target, states, percent, start, number))
        start += percent
    fallback = [_slice(target, states, 0.0, 0.0, 5) for target in targets.fallback]
    return AliasLine(alias, version, targets, slices, fallback)


def _slice(
    target: AliasTarget, states: Mapping[str, str], percent: float, start: float, number: int
) -> Slice:
    state = states.get(target.deployment, "unknown")
    return Slice(
        target.deployment, state, target.weight, round(percent, 1), round(start, 2), number % 6
    )
