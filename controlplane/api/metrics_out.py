"""How series go out: one list of times, and for each measure one value per time."""

from ninja import Field

from controlplane.api.schemas import Out
from models_app.selectors.metrics import Series


class SeriesOut(Out):
    """Measures over a range. A null is a gap: nothing was measured then."""

    range: str
    step_s: int
    times: list[int] = Field(description="Seconds since 1970, one per step.")
    values: dict[str, list[float | None]]


def series_out(*series: Series) -> SeriesOut:
    """Return series of one range as one answer."""
    first = series[0]
    values = {name: list(column) for one in series for name, column in one.values.items()}
    return SeriesOut(
        range=first.span.key, step_s=first.span.step_s, times=first.times, values=values
    )
