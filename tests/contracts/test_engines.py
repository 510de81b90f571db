"""What every engine SHALL do without running: pure plans. `test_engine_starts.py` starts each."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models_app.domain.failures import FailureCode
from models_app.domain.specs import (
    ArtifactFacts,
    ArtifactRef,
    EngineSamples,
    HostFacts,
    ServeRequest,
    owner_labels,
)
from tests.workloads import (
    HOST,
    INSTANCE,
)
from workers.engines.base import Engine
from workers.registry import engines

NAME = "slipway-contract-0-r1"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.fixture(params=sorted(engines()))
def engine(request: pytest.FixtureRequest) -> Engine:
    return engines()[request.param]


def wish(engine: Engine, parameters: Any = None, context: int | None = 8192) -> ServeRequest:
    file_format = engine.manifest.formats[0]
    return ServeRequest(
        workload=NAME,
        alias="contract",
        artifact=ArtifactRef("artifact-1", "ab" * 32, 1000, file_format, "model.gguf"),
        facts=ArtifactFacts(context_length=context),
        parameters=parameters or {},
        memory_bytes=1 << 28,
        owner=owner_labels(instance=INSTANCE, deployment="d", replica="r"),
    )


def hosts_for(engine: Engine) -> Iterator[HostFacts]:
    for runtime in engine.manifest.runtimes:
        yield replace(HOST, runtime=runtime)


def host_for(engine: Engine) -> HostFacts:
    return next(iter(hosts_for(engine)))


def test_the_defaults_run_wherever_the_manifest_says(engine: Engine) -> None:
    for host in hosts_for(engine):
        assert engine.check(wish(engine), host) == []
        assert engine.check(wish(engine, context=None), host) == []
        assert engine.check(wish(engine, context=512), host) == []


def test_the_manifest_is_constant_and_can_be_stored(engine: Engine) -> None:
    manifest = engine.manifest
    assert engine.manifest is manifest
    assert manifest.key
    assert manifest.overhead_bytes > 0
    assert json.loads(json.dumps(manifest.parameters_schema)) == manifest.parameters_schema


def test_each_parameter_explains_itself(engine: Engine) -> None:
    schema = engine.manifest.parameters_schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert "$ref" not in json.dumps(schema)
    for name, field in schema["properties"].items():
        assert field.get("title"), name
        assert field.get("description", "").endswith("."), name
        assert "default" in field, name


def test_extras_are_refused_and_never_reach_argv(engine: Engine) -> None:
    bad = wish(engine, {"--rpc": "evil:1", "extra_args": ["-x"]})
    found = engine.check(bad, host_for(engine))
    assert {problem.code for problem in found} == {FailureCode.PARAMETERS_INVALID}
    assert {problem.params["parameter"] for problem in found} == {"--rpc", "extra_args"}


def test_other_formats_and_runtimes_are_refused(engine: Engine) -> None:
    odd = wish(engine)
    odd = replace(odd, artifact=replace(odd.artifact, format="floppy"))
    codes = [one.code for one in engine.check(odd, host_for(engine))]
    assert codes == [FailureCode.UNSUPPORTED_FORMAT]
    elsewhere = replace(HOST, runtime="abacus")
    codes = [one.code for one in engine.check(wish(engine), elsewhere)]
    assert codes == [FailureCode.RUNTIME_UNSUPPORTED]


def test_plans_are_deterministic_and_owned(engine: Engine) -> None:
    for host in hosts_for(engine):
        spec = engine.plan(wish(engine), host)
        assert spec == engine.plan(wish(engine), host)
        assert spec.fingerprint() == engine.plan(wish(engine), host).fingerprint()
        assert spec.name == NAME
        assert spec.engine == engine.manifest.key
        assert spec.slots >= 1
        assert dict(spec.labels) == wish(engine).owner
        assert (spec.image is None) == (host.runtime != "docker")
        assert all(isinstance(part, str) for part in spec.argv)
        moved = replace(wish(engine), alias="other")
        assert engine.plan(moved, host).fingerprint() != spec.fingerprint()


def test_what_the_schema_accepts_is_accepted(engine: Engine) -> None:
    schema = engine.manifest.parameters_schema
    for name, field in schema["properties"].items():
        for value in examples(field):
            jsonschema.validate({name: value}, schema)
            found = engine.check(wish(engine, {name: value}, context=None), host_for(engine))
            assert found == [], (name, value)


def examples(field: dict[str, Any]) -> list[Any]:
    """Return the ends of a parameter's range, its words, its default; as JSON would bring them."""
    found = [field["default"]]
    for option in field.get("anyOf", [field]):
        found += option.get("enum", [])
        found += [option[end] for end in ("minimum", "maximum") if end in option]
        found += [float(option["maximum"])] if "maximum" in option else []
        found += [True, False] if option.get("type") == "boolean" else []
        found += option.get("examples", [])
    assert len(found) > 1, field
    return found


@given(data=st.data())
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_asked_is_judged_and_what_passes_is_planned(
    engine: Engine, data: st.DataObject
) -> None:
    schema = engine.manifest.parameters_schema
    names = st.sampled_from(sorted(schema["properties"])) | st.text(max_size=10)
    asked = data.draw(st.dictionaries(names, ANYTHING, max_size=4))
    host = host_for(engine)
    found = engine.check(wish(engine, asked), host)
    assert all(one.code in FailureCode.__members__ for one in found)
    json.dumps([dict(one.params) for one in found])
    if not found:
        assert engine.plan(wish(engine, asked), host).argv
        jsonschema.validate(asked, schema)


@given(text=st.text())
@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_malformed_figures_and_lines_are_survived(engine: Engine, text: str) -> None:
    assert isinstance(engine.metrics(text), EngineSamples)
    lines = tuple(text.splitlines())
    for code in (None, 1, 137):
        found = engine.explain(lines, code)
        assert found is None or found.code in FailureCode.__members__
