"""The deployment form: what, where and how, on one page. Also used to edit."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from controlplane.web.forms.key_values import SelectorField
from controlplane.web.forms.schema_fields import Parameter, parameters_of, values_of
from controlplane.wording.formats import size_text
from models_app.domain.names import NAME_LENGTH
from models_app.domain.scheduling import Apart, Policy
from models_app.domain.sizing import DEFAULT_CONTEXT
from models_app.models import Artifact, EngineEntry, Revision
from models_app.services.deployments import REPLICAS_LIMIT

HOSTS_TICKED = 24  # more are written by name
CONTEXT = ("context_length", "context")
ANYWHERE, ON_HOSTS, BY_LABELS = "any", "hosts", "labels"


class HostNamesField(forms.CharField):
    """Names of hosts, written with commas or spaces between them."""

    def __init__(self, names: list[str], **kwargs: Any) -> None:
        super().__init__(
            help_text=_("Their names, with commas between them."),
            widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
            **kwargs,
        )
        self.names = set(names)

    def prepare_value(self, value: Any) -> Any:
        """Show a stored list as text."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the list. Raises ValidationError on a name that no host has."""
        found = str(super().to_python(value) or "").replace(",", " ").split()
        unknown = sorted(set(found) - self.names)
        if unknown:
            text = gettext("No host is called {names}.")
            raise forms.ValidationError(text.format(names=", ".join(unknown)[:200]))
        return found


class DeploymentForm(forms.Form):
    """Fields of a deployment; the engine's parameters are added from its schema."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("Programs use it as the model's name. Small letters, digits and dashes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    artifact = forms.ChoiceField(label=_("Model and artifact"))
    engine = forms.ChoiceField(label=_("Engine"))
    replicas = forms.IntegerField(
        label=_("Replicas"),
        initial=1,
        min_value=0,
        max_value=REPLICAS_LIMIT,
        help_text=_("Copies that run at the same time. Each takes the memory shown here."),
    )
    where = forms.ChoiceField(
        label=_("Where"),
        widget=forms.RadioSelect,
        initial=ANYWHERE,
        choices=[
            (ANYWHERE, _("On any host with room")),
            (ON_HOSTS, _("Only on these hosts")),
            (BY_LABELS, _("On hosts with these labels")),
        ],
    )
    hosts = forms.MultipleChoiceField(
        label=_("Hosts"), required=False, widget=forms.CheckboxSelectMultiple
    )
    labels = SelectorField(
        label=_("Labels"),
        required=False,
        help_text=_(
            "One rule a line: site=rome, site in (rome, milan), gpu not in (none), rack (there is "
            "such a label), !rack (there is none). Every host has gpu, runtime, architecture."
        ),
    )
    policy = forms.ChoiceField(
        label=_("Spread"),
        choices=[
            (
                Policy.SPREAD.value,
                _("Over many hosts: one failing host takes fewest copies with it"),
            ),
            (Policy.PACK.value, _("On few hosts: others stay free")),
        ],
        initial=Policy.SPREAD,
    )
    apart = forms.ChoiceField(
        label=_("Two copies on one host"),
        required=False,
        choices=[
            (Apart.ANY.value, _("As the spread says")),
            (Apart.PREFER.value, _("Only where no other host has room")),
            (Apart.REQUIRE.value, _("Never: rather wait for another host")),
        ],
        initial=Apart.ANY,
    )
    comment = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=200,
        help_text=_("Kept with the revision, for whoever reads its history."),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        artifacts: Iterable[Artifact],
        engines: list[EngineEntry],
        host_names: Iterable[str],
        initial: Mapping[str, Any] | None = None,
        suggests: bool = False,
    ) -> None:
        """With `suggests`, what the engine would choose by itself is proposed openly."""
        super().__init__(data, initial=dict(initial or {}))
        self._suggests = suggests
        self.artifacts = {str(artifact.public_id): artifact for artifact in artifacts}
        chosen = self.chosen_artifact
        if not self.is_bound and chosen:
            self.initial.setdefault("artifact", str(chosen.public_id))
        self.engines = {engine.key: engine for engine in engines}
        self._choices(host_names)
        self.parameters = self._parameters()

    def _choices(self, host_names: Iterable[str]) -> None:
        artifact, engine, hosts = (self.fields[name] for name in ("artifact", "engine", "hosts"))
        groups: dict[str, list[tuple[str, str]]] = {}
        for key, row in self.artifacts.items():
            kind = row.quantization or row.file_name
            word = f"{row.model.title} · {kind} · {size_text(row.size_bytes)}"
            groups.setdefault(row.model.title, []).append((key, word))
        _set_choices(artifact, list(groups.items()))
        _set_choices(engine, [(k, str(e.manifest["label"])) for k, e in self.engines.items()])
        names = list(host_names)
        if len(names) > HOSTS_TICKED:
            self.fields["hosts"] = HostNamesField(names, label=hosts.label, required=False)
        else:
            _set_choices(hosts, [(name, name) for name in names])

    def _parameters(self) -> list[Parameter]:
        manifest = self.chosen_engine.manifest if self.chosen_engine else {}
        parameters = parameters_of(manifest)
        limit = (self.chosen_artifact.facts if self.chosen_artifact else {}).get("context_length")
        for parameter in parameters:
            self.fields[parameter.name] = parameter.field
            if limit and parameter.key in CONTEXT:
                _limit_context(parameter.field, int(limit))
                if self._suggests:
                    parameter.field.initial = min(DEFAULT_CONTEXT, int(limit))
        return parameters

    def propose(self) -> None:
        """Put in the defaults of an engine that was chosen now, where the ones before stood.

        `parameters_of` says whose parameters the page has shown. What a person has written stays,
        as far as the engine has a parameter of that name.
        """
        before = self.engines.get(self._now("parameters_of"))
        if before is None or before is self.chosen_engine:
            return
        data = QueryDict(mutable=True)
        data.update(self.data)
        stood = {p.name: _as_sent(p.default) for p in parameters_of(before.manifest)}
        for parameter in self.parameters:
            name, default = parameter.name, _as_sent(parameter.field.initial)
            if name in stood and data.get(name) != stood[name]:
                continue
            data.pop(name, None)
            if default is not None:
                data[name] = default
        self.data = data

    @property
    def chosen_artifact(self) -> Artifact | None:
        """The artifact that is selected now, the first when none is."""
        asked = self._now("artifact")
        smallest = min(self.artifacts.values(), key=lambda row: row.size_bytes or 0, default=None)
        wanted = [row for row in self.artifacts.values() if row.model.name == self._now("model")]
        return self.artifacts.get(asked) or next(iter(wanted), smallest)

    @property
    def chosen_engine(self) -> EngineEntry | None:
        """The engine that is selected now: one that reads the artifact's format when none is."""
        asked = self.engines.get(self._now("engine"))
        if asked:
            return asked
        artifact = self.chosen_artifact
        fitting = [
            e
            for e in self.engines.values()
            if artifact and artifact.format in e.manifest["formats"]
        ]
        return next(iter(fitting or self.engines.values()), None)

    def _now(self, field: str) -> str:
        if self.is_bound:
            return str(self.data.get(field, ""))
        return str(self.initial.get(field, ""))

    @property
    def basic(self) -> list[forms.BoundField]:
        """The engine's parameters that matter to everyone."""
        return [self[p.name] for p in self.parameters if p.is_basic]

    @property
    def advanced(self) -> list[forms.BoundField]:
        """The engine's other parameters."""
        return [self[p.name] for p in self.parameters if not p.is_basic]

    @property
    def slider(self) -> str:
        """The field that a slider moves too: the context, when its limit is known."""
        for parameter in self.parameters:
            if parameter.key in CONTEXT and getattr(parameter.field, "max_value", None):
                return parameter.name
        return ""

    @property
    def has_advanced_errors(self) -> bool:
        """Whether something behind "advanced" is wrong, so that it opens by itself."""
        return any(p.name in self.errors for p in self.parameters if not p.is_basic)

    def clean(self) -> dict[str, Any]:
        """Ask for hosts or labels where they were chosen."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("where") == ON_HOSTS and not cleaned.get("hosts"):
            self.add_error("hosts", gettext("Choose at least one host."))
        if cleaned.get("where") == BY_LABELS and not cleaned.get("labels"):
            self.add_error("labels", gettext("Write at least one rule about labels."))
        return cleaned

    def wish(self) -> dict[str, Any]:
        """Return what `deployment_create` and `deployment_revise` take in common."""
        cleaned = self.cleaned_data
        engine = self.engines[cleaned["engine"]]
        return {
            "artifact": self.artifacts[cleaned["artifact"]],
            "engine": engine.key,
            "parameters": self.wished_parameters(),
            "placement": self.placement(),
            "comment": cleaned["comment"],
        }

    def wished_parameters(self) -> dict[str, Any]:
        """Return the parameters that differ from the engine's defaults."""
        return values_of(self.parameters, self.cleaned_data)

    def placement(self) -> dict[str, Any]:
        """Return where it may run, as a revision stores it."""
        cleaned = self.cleaned_data
        placement: dict[str, Any] = {}
        if cleaned.get("where") == ON_HOSTS:
            placement["hosts"] = cleaned.get("hosts", [])
        elif cleaned.get("where") == BY_LABELS:
            placement["selector"] = cleaned.get("labels", {})
        if cleaned.get("policy") == Policy.PACK:
            placement["policy"] = str(Policy.PACK)
        if cleaned.get("apart") in (Apart.PREFER, Apart.REQUIRE):
            placement["apart"] = cleaned["apart"]
        return placement


def initial_of(name: str, replicas: int, revision: Revision) -> dict[str, Any]:
    """Return the form's values for an existing deployment."""
    placement = revision.placement
    where = ANYWHERE
    if placement.get("hosts"):
        where = ON_HOSTS
    elif placement.get("selector"):
        where = BY_LABELS
    return {
        "name": name,
        "replicas": replicas,
        "artifact": str(revision.artifact.public_id),
        "engine": revision.engine,
        "where": where,
        "hosts": placement.get("hosts", []),
        "labels": placement.get("selector", {}),
        "policy": placement.get("policy", Policy.SPREAD),
        "apart": placement.get("apart", Apart.ANY),
        **{f"p-{key}": value for key, value in revision.parameters.items()},
    }


def _as_sent(value: Any) -> str | None:
    """Return a default as a browser sends it; None is not sent at all."""
    return None if value is None or value is False else str(value)


def _set_choices(field: forms.Field, choices: list[Any]) -> None:
    if isinstance(field, forms.ChoiceField):
        field.choices = choices


def _limit_context(field: forms.Field, limit: int) -> None:
    """Hold the context to what the model was made for."""
    if isinstance(field, forms.IntegerField):
        known = field.max_value if isinstance(field.max_value, int) else limit
        field.max_value = min(known, limit)
        field.widget.attrs["max"] = field.max_value
