import pytest

from models_app.domain.modelfile import parse_modelfile, render_modelfile
from models_app.domain.variants import VARIANTS


@pytest.mark.parametrize(
    ("key", "temperature", "top_p"), [("reasoning", 0.3, 0.8), ("code", 0.5, 0.9)]
)
def test_each_is_a_sound_modelfile(key: str, temperature: float, top_p: float) -> None:
    made = VARIANTS[key].of("smollm2:135m")
    assert made.request()["parameters"] == {"temperature": temperature, "top_p": top_p}
    assert len(made.system) > 100
    assert parse_modelfile(render_modelfile(made)) == made
