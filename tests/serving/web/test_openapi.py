"""The OpenAPI document says what the server does: a tool that reads it can't tell them apart."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import httpx
import msgspec
import pytest

from core.columns import RUNGS
from core.home import Home
from serving.intake.event import Event
from serving.web.answer_types import (
    EventsAccepted,
    Health,
    ProblemDocument,
    Ready,
    Recommendations,
    Rung,
    Similar,
)
from serving.web.openapi import document
from serving.web.operations import OPERATIONS
from tests.serving.web.posting import publish, start
from tests.serving.web.test_server import RunningServer
from tests.signing import AUDIENCE, ISSUER, SigningKey, key_set

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
# Not asked: that a request without a token is refused, which the document leaves to the settings;
# that a value of another type is, for in a query every value is a text ({} is a name); and that
# every event is taken, which may be refused for what no schema says: a blank id, a day long ago.
CONFIG = """
[checks]
ignored_auth.enabled = false
negative_data_rejection.enabled = false
[[operations]]
include-name = "POST /v1/events"
checks.positive_data_acceptance.enabled = false
"""
_COUNTED = re.compile(r'^(daybreak_requests_total\{.*status="(\d+)"\} .*)$', re.MULTILINE)


@pytest.fixture(scope="module")
def home(tmp_path_factory, toy):
    home = Home(tmp_path_factory.mktemp("described"))
    toy.publish(home.releases, "1970-01-11", 1)
    return home


@pytest.fixture(scope="module")
def server(home):
    server = RunningServer(home)
    server.wait(lambda: server.get("/readyz").status == 200)
    yield server
    code, _, errors = server.stop()
    assert code == 0
    assert "Traceback" not in errors, errors


@pytest.fixture(scope="module")
def key():
    return SigningKey("ES256")


@pytest.fixture(scope="module")
def protected(home, key, tmp_path_factory):
    """The same with tokens on, and soon asked too often."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_bytes(key_set(key))
    environment = {
        "DAYBREAK_SECURITY__TOKENS": "true", "DAYBREAK_SECURITY__ISSUER": ISSUER,
        "DAYBREAK_SECURITY__AUDIENCE": AUDIENCE, "DAYBREAK_SECURITY__KEYS": str(keys),
        "DAYBREAK_LIMITS__CLIENT_RATE": "1", "DAYBREAK_LIMITS__CLIENT_BURST": "150",
    }  # fmt: skip
    server = RunningServer(home, environment=environment)
    server.wait(lambda: server.get("/readyz").status == 200)
    yield server
    code, _, errors = server.stop()
    assert code == 0
    assert "Traceback" not in errors, errors


def schemathesis(server, folder, *arguments, n=1, phases="coverage", described=DOCUMENT):
    """Returns the report of a run with up to n cases an operation, the same ones each time."""
    report = folder / "report.json"
    (folder / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", str(described),
            "--url", f"http://127.0.0.1:{server.port}", "--continue-on-failure",
            "--phases", phases, "--max-examples", str(n), "--generation-deterministic",
            "--suppress-health-check", "all", "--output-sanitize", "false", "--no-color",
            "--report", "json", "--report-json-path", str(report), *arguments,
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_bytes()), done.stdout


def test_the_committed_document_is_that_of_the_code():
    assert DOCUMENT.read_bytes() == document(), "docs/openapi.json is old; run `make docs`"


def test_the_server_says_the_same(server):
    response = server.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.body == document()


def test_every_path_that_is_served_is_described(server):
    detail = json.loads(server.get("/nothing").body)["detail"]
    served = detail.partition("; GET ")[2].removesuffix(" is").split(", ")
    assert sorted(served) == sorted(x.path for x in OPERATIONS if x.method == "get")
    assert [x.path for x in OPERATIONS if x.method == "post"] == ["/v1/events"]


def test_every_field_says_what_it_means():
    components = json.loads(document())["components"]["schemas"]
    assert {name: list(x["properties"]) for name, x in components.items()} == {
        "Recommendations": ["user_id", "release", "age_seconds", "rung", "experiment", "items"],
        "ListedItem": ["item_id", "title", "rank", "score", "rung", "reason"],
        "Reason": ["type", "source_item_id", "text", "origin"],
        "Similar": ["item_id", "release", "age_seconds", "items"],
        "Neighbour": ["item_id", "title", "rank", "score"],
        "EventsAccepted": ["accepted", "event_ids"],
        "Event": list(Event.__struct_fields__),
        "Batch": ["events"],
        "Health": ["status"],
        "Ready": ["status", "release"],
        "ProblemDocument": ["type", "title", "status", "detail", "parameter", "index"],
    }
    for schema in components.values():
        texts = [schema["description"], *(x["description"] for x in schema["properties"].values())]
        assert all(text.strip() and text.endswith((".", "any", "one")) for text in texts)


def test_the_rungs_are_those_of_the_ladder():
    assert get_args(Rung) == RUNGS


@pytest.mark.parametrize(
    ("path", "shape", "rungs"),
    [
        ("/v1/recommendations?user_id=ann&count=2", Recommendations, {"personal"}),
        (
            "/v1/recommendations?user_id=bob&count=3&session=m4",
            Recommendations,
            {"personal", "session", "trending"},
        ),
        ("/v1/recommendations?user_id=cat&count=2", Recommendations, {"segment"}),
        ("/v1/recommendations?user_id=%E7%8C%AB%22&count=50", Recommendations, {"trending"}),
        ("/v1/items/m1/similar", Similar, None),
        ("/v1/items/m5/similar", Similar, None),
        ("/healthz", Health, None),
        ("/readyz", Ready, None),
        ("/v1/recommendations?user_id=ann&count=0", ProblemDocument, None),
        ("/v1/items/m0/similar", ProblemDocument, None),
        ("/nothing", ProblemDocument, None),
    ],
)
def test_an_answer_is_the_shape_that_it_is_said_to_be(server, path, shape, rungs):
    """Read strictly and written again, an answer of joined bytes is the same to the byte."""
    body = server.get(path).body
    answer = msgspec.json.decode(body, type=shape)
    assert msgspec.json.encode(answer) == body
    if rungs is not None:
        assert {item.rung for item in answer.items} == rungs


@pytest.mark.parametrize(
    ("body", "status", "shape"),
    [
        ({"user_id": "ann", "item_id": "m1", "action": "view"}, 202, EventsAccepted),
        ([{"user_id": "ann", "item_id": "m1", "action": "view"}] * 2, 202, EventsAccepted),
        ({"events": [{"user_id": "ann", "item_id": "m1"}]}, 400, ProblemDocument),
    ],
)
def test_so_is_one_to_a_post(server, body, status, shape):
    url = f"http://127.0.0.1:{server.port}/v1/events"
    response = httpx.post(url, json=body, timeout=20)
    assert response.status_code == status
    answer = msgspec.json.decode(response.content, type=shape)
    assert msgspec.json.encode(answer) == response.content


@pytest.mark.faults
def test_a_tool_finds_nothing(server, trials, tmp_path):
    report, said = schemathesis(server, tmp_path, n=trials(30, 2_600), phases="coverage,fuzzing")
    cases = report["test_cases"]
    assert (cases["with_failures"], cases["errored"], report["exit_code"]) == (0, 0, 0), said
    assert report["operations"]["tested"] == len(OPERATIONS)
    assert cases["generated"] >= trials(190, 5_000)
    print(f"{cases['generated']} cases in {report['running_time']:.0f} s")


@pytest.mark.parametrize(
    ("claims", "seen"),
    [(None, {"200", "401"}), ({"sub": "ann"}, {"200", "400", "403", "429"})],
)
def test_nor_where_it_is_refused(protected, key, claims, seen, tmp_path):
    header = ["--header", f"Authorization: Bearer {key.token(**claims)}"] if claims else []
    service = {"Authorization": f"Bearer {key.token(sub='s', roles=['daybreak-service'])}"}
    before = protected.get("/metrics", headers=service).body.decode()
    report, said = schemathesis(protected, tmp_path, *header)
    cases = report["test_cases"]
    assert (cases["with_failures"], cases["errored"]) == (0, 0), said
    after = protected.get("/metrics", headers=service).body.decode()
    counted = _COUNTED.findall(after)
    assert {status for line, status in counted if line not in before} >= seen


def test_it_does_find_what_a_wrong_document_says(tmp_path, toy):
    described = json.loads(document())
    paths, schemas = described["paths"], described["components"]["schemas"]
    del paths["/v1/items/{item_id}/similar"]["get"]["responses"]["404"]
    schemas["ListedItem"]["properties"]["score"]["type"] = "string"
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {"application/json": {}}
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(described))
    # One of its own: where others have posted, the one who asks may have hidden all there is.
    with contextlib.ExitStack() as stack:
        server = start(publish(tmp_path / "home", toy))
        stack.callback(server.stop)
        report, said = schemathesis(server, tmp_path, described=wrong)
    found = {(failure["type"], *failure["operations"]) for failure in report["failures"]}
    assert found == {
        ("UndefinedStatusCode", "GET /v1/items/{item_id}/similar"),
        ("JsonSchemaError", "GET /v1/recommendations"),
        ("UndefinedContentType", "GET /metrics"),
    }, said
