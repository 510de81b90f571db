"""`/metrics`: the figures of this Slipway as Prometheus reads them, for who has a token.

The gateway's are those of all its processes, each under its own `process`; the rest is the ledger.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from controlplane.api.authentication import authenticate
from controlplane.api.errors import MethodNotAllowedError, error_response
from models_app.domain.actors import Actor
from models_app.domain.errors import SlipwayError
from models_app.domain.gateway_figures import (
    DURATION_S,
    FIRST_TOKEN_S,
    DeploymentFigures,
    Histogram,
)
from models_app.notify.figures import figures_told
from models_app.selectors.deployment_copies import deployment_copies
from models_app.selectors.overview import fleet_counts

OF = ("deployment", "engine", "process")
GAUGES: Sequence[tuple[str, str, Callable[[DeploymentFigures], int]]] = (
    ("running", "Requests that hold a slot of an engine.", lambda one: one.running),
    ("waiting", "Requests that stand in line for a slot.", lambda one: one.waiting),
    ("ejected_replicas", "Replicas left alone because they failed.", lambda one: one.ejected),
)
HISTOGRAMS: Sequence[
    tuple[str, str, tuple[float, ...], Callable[[DeploymentFigures], Histogram]]
] = (
    ("request_seconds", "From the request to its last byte.", DURATION_S, lambda o: o.duration),
    ("first_token_seconds", "To the first token.", FIRST_TOKEN_S, lambda one: one.first_token),
)
Labelled = tuple[Sequence[str], DeploymentFigures]


@login_not_required  # it refuses strangers itself, with 401 instead of a way to the sign-in page
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer who has a token (or a session) of at least a viewer."""
    try:
        actor = authenticate(request)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowedError(params={"method": request.method, "allowed": "GET"})
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Everything(actor))
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    except SlipwayError as error:
        return error_response(request, error)


class _Everything(Collector):
    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def collect(self) -> Iterator[Metric]:
        """Yield the ledger's families, then the gateway's."""
        yield from _ledger(self._actor)
        told = figures_told()
        yield GaugeMetricFamily("slipway_broker_up", "Whether Valkey answers.", told is not None)
        by_process = told or {}
        rows: list[Labelled] = [
            ((name, figures.engine, process[:8]), figures)
            for process, by_name in sorted(by_process.items())
            for name, figures in sorted(by_name.items())
        ]
        yield from _gateway(rows)


def _ledger(actor: Actor) -> Iterator[Metric]:
    for kind, states in sorted(fleet_counts(actor).by_state.items()):
        if kind == "model":
            continue
        name = f"slipway_{kind}s"
        family = GaugeMetricFamily(name, f"How many {kind}s are in a state.", labels=["state"])
        for state, count in sorted(states.items()):
            family.add_metric([state], count)
        yield family
    wished = GaugeMetricFamily(
        "slipway_deployment_replicas_wished", "Copies that should run.", labels=["deployment"]
    )
    ready = GaugeMetricFamily(
        "slipway_deployment_replicas_ready", "Copies that serve.", labels=["deployment"]
    )
    for copies in deployment_copies(actor):
        wished.add_metric([copies.name], copies.wished)
        ready.add_metric([copies.name], copies.ready)
    yield wished
    yield ready


def _gateway(rows: Iterable[Labelled]) -> Iterator[Metric]:
    found = list(rows)
    yield _requests(found)
    yield _tokens(found)
    ejections = CounterMetricFamily(
        "slipway_gateway_ejections", "Times a replica was left alone for its failures.", labels=OF
    )
    for labels, figures in found:
        ejections.add_metric(labels, figures.ejections)
    yield ejections
    for name, text, of in GAUGES:
        gauge = GaugeMetricFamily(f"slipway_gateway_{name}", text, labels=OF)
        for labels, figures in found:
            gauge.add_metric(labels, of(figures))
        yield gauge
    for name, text, bounds, histogram_of in HISTOGRAMS:
        family = HistogramMetricFamily(f"slipway_gateway_{name}", text, labels=OF)
        for labels, figures in found:
            histogram = histogram_of(figures)
            family.add_metric(labels, _buckets(bounds, histogram.counts), histogram.sum)
        yield family


def _requests(rows: Sequence[Labelled]) -> Metric:
    family = CounterMetricFamily(
        "slipway_gateway_requests", "Requests that are over.", labels=(*OF, "route", "status")
    )
    for labels, figures in rows:
        for kind, count in sorted(figures.requests.items()):
            family.add_metric((*labels, *kind.split(" ", 1)), count)
    return family


def _tokens(rows: Sequence[Labelled]) -> Metric:
    family = CounterMetricFamily(
        "slipway_gateway_tokens", "Tokens, by kind; cached are prompt ones.", labels=(*OF, "kind")
    )
    for labels, figures in rows:
        family.add_metric((*labels, "prompt"), figures.prompt_tokens)
        family.add_metric((*labels, "completion"), figures.completion_tokens)
        family.add_metric((*labels, "cached"), figures.cached_tokens)
    return family


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    names = [*map(str, bounds), "+Inf"]
    return list(zip(names, accumulate(counts), strict=True))
