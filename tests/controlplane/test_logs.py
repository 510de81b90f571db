"""Each line belongs to its request, also those that Django writes afterwards; none is a flood."""

import logging

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from controlplane.logs import NO_REQUEST, RequestIdFilter, request_id
from controlplane.middleware import RequestIdMiddleware
from tests.controlplane.test_canaries import written

pytestmark = pytest.mark.django_db


def test_a_line_that_comes_after_the_request_has_its_id() -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": "a-known-request"})
    RequestIdMiddleware(lambda _request: HttpResponse())(request)
    assert request_id.get() == NO_REQUEST
    record = logging.makeLogRecord({"msg": "Conflict", "request": request})
    assert RequestIdFilter().filter(record)
    assert record.request_id == "a-known-request"


def test_a_line_of_no_request_says_so() -> None:
    record = logging.makeLogRecord({"msg": "sweep"})
    assert RequestIdFilter().filter(record)
    assert record.request_id == NO_REQUEST


def test_refused_requests_are_told_with_their_id(caplog: pytest.LogCaptureFixture) -> None:
    Client().get("/no-such-page", headers={"X-Request-ID": "a-known-request"})
    lines = written(caplog.records)
    assert "django.request [a-known-request]" in lines


def test_a_foreign_host_name_is_told_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    answer = Client(headers={"Host": "evil.example"}).get("/sign-in")
    assert answer.status_code == 400
    lines = written(caplog.records)
    assert "evil.example" in lines
    assert "Traceback" not in lines
