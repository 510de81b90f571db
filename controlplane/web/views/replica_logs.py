"""A replica's output for who does not follow it: the run before, and a file to take along."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from controlplane.web.pages import actor_of
from models_app.notify.logs import read_recent
from models_app.selectors.deployments import replica_get

LINES = 1000


def lines(request: HttpRequest, ref: str) -> JsonResponse:
    """The last lines as static/slipway/log.js reads them; `?run=previous`: of the run before."""
    replica = replica_get(actor_of(request), ref)
    found = read_recent(replica.pk, lines=LINES, previous=request.GET.get("run") == "previous")
    shown = [{"offset": line.offset, "text": line.text} for line in found]
    return JsonResponse({"lines": shown, "next": found[-1].offset if found else 0})


def download(request: HttpRequest, ref: str) -> HttpResponse:
    """The last lines as a text file."""
    replica = replica_get(actor_of(request), ref)
    found = read_recent(replica.pk, lines=LINES, previous=request.GET.get("run") == "previous")
    text = "".join(f"{line.text}\n" for line in found)
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{replica.workload}.log"'},
    )
