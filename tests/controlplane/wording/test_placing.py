from typing import Any

import pytest

from controlplane.wording.placing import placing_text
from models_app.domain.scheduling import _RANKED, HostOffer, Need, choose_host
from models_app.domain.states import HostState, Scheduling

GIB = 1 << 30


def chosen(**need: Any) -> dict[str, Any]:
    offers = [
        HostOffer(n, f"h{n}", HostState.READY, Scheduling.OPEN, "process", {}, n * GIB, 0, n == 3)
        for n in range(4)
    ]
    return dict(choose_host(Need(("process",), GIB, **need), offers).reason)


def test_a_choice_is_told_with_its_rule_and_figures() -> None:
    text = placing_text(chosen())
    assert text
    assert text.sentence == (
        "Spread over the hosts; no copy was there; 3.0 GiB were free, 1.0 GiB are needed; "
        "the model's file was there already."
    )
    assert dict(text.passed_over) == {
        "h0": "not enough free memory",
        "h1": "the model's file is not there yet",
        "h2": "the model's file is not there yet",
    }


@pytest.mark.parametrize(
    ("need", "rule"),
    [
        ({"policy": "pack"}, "Packed on few hosts;"),
        ({"apart": "require"}, "Spread over the hosts, copies always apart;"),
        (
            {"policy": "pack", "apart": "prefer"},
            "Packed on few hosts, copies apart where possible;",
        ),
    ],
)
def test_each_rule_has_its_words(need: dict[str, str], rule: str) -> None:
    text = placing_text(chosen(**need))
    assert text
    assert text.sentence.startswith(rule)


def test_every_reason_has_words_and_the_rest_is_counted() -> None:
    codes = {code for pair in _RANKED for code in pair} | {"COPY_THERE"}
    passed_over = {code.lower(): code for code in codes}
    reason = {"passed_over": passed_over, "passed_over_more": {"HOST_CLOSED": 260}}
    text = placing_text(reason)
    assert text
    assert all("not suitable" not in why for _host, why in text.passed_over)
    assert text.passed_over[-1] == ("260 more hosts", "closed for new replicas")
    assert placing_text({}) is None
