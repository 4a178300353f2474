"""What goes over the wire: forms of objects, watches, errors, as clients ask for them by headers."""

import json
import struct
from typing import Any

import pytest

from tests.kubernetes.clients import Access, Http
from tests.kubernetes.double.api.protobuf import PROTOBUF, decode, encode
from tests.kubernetes.manifests import config_map, deployment

type Json = dict[str, Any]

MAPS, TABLE = "/api/v1/NS/configmaps", "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def made(http: Http, name: str = "one", **data: str) -> Json:
    """A new ConfigMap."""
    answer = http.ask("POST", MAPS, json=config_map(name, **data))
    if answer.status_code != 201:
        raise AssertionError(answer.text)
    return dict(answer.json())


def test_a_table_has_the_columns_that_kubectl_prints(cluster: Access) -> None:
    with cluster.http() as http:
        made(http, a="1", b="2")
        table = http.get(f"{MAPS}?fieldSelector=metadata.name=one", TABLE).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [(c["name"], c["type"]) for c in table["columnDefinitions"]] == [
        ("Name", "string"),
        ("Data", "integer" if table["columnDefinitions"][1]["type"] == "integer" else "string"),
        ("Age", "string"),
    ]
    [row] = table["rows"]
    assert row["cells"][0] == "one"
    assert int(row["cells"][1]) == 2
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert "data" not in row["object"]


def test_a_table_can_hold_the_objects(cluster: Access) -> None:
    with cluster.http() as http:
        made(http, a="1")
        table = http.get(f"{MAPS}/one?includeObject=Object", TABLE).json()
    assert table["rows"][0]["object"]["data"] == {"a": "1"}


def test_metadata_can_be_had_alone(cluster: Access) -> None:
    with cluster.http() as http:
        made(http, a="1")
        found = http.get(MAPS, METADATA).json()
    assert found["kind"] == "PartialObjectMetadataList"
    assert "one" in [item["metadata"]["name"] for item in found["items"]]
    assert all("data" not in item for item in found["items"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MAPS, config_map("one", a="1")),
        ("/apis/apps/v1/NS/deployments", deployment("one", replicas=0)),
        (
            "/api/v1/NS/secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "one"},
                "data": {"k": "AAH/"},
                "type": "Opaque",
            },
        ),
    ],
)
def test_objects_go_as_protobuf_both_ways(cluster: Access, path: str, body: Json) -> None:
    with cluster.http() as http:
        answer = http.ask("POST", path, PROTOBUF, data=encode(body), headers={"Content-Type": PROTOBUF})
        assert (answer.status_code, answer.headers["Content-Type"]) == (201, PROTOBUF)
        as_json = http.get(f"{path}/one").json()
        as_protobuf = decode(http.get(f"{path}/one", PROTOBUF).content)
        listed = decode(http.get(path, PROTOBUF).content)
    assert {key: as_json[key] for key in ("data", "type") if key in as_json} == {
        key: as_protobuf[key] for key in ("data", "type") if key in as_protobuf
    }
    assert as_json["metadata"]["uid"] == as_protobuf["metadata"]["uid"]
    # What is empty is there in JSON, and not in protobuf.
    assert images(as_json) == images(as_protobuf)
    assert "one" in [item["metadata"]["name"] for item in listed["items"]]


def images(obj: Json) -> list[tuple[str, list[Json]]]:
    """The images of what runs by an object, and the ports."""
    spec = obj.get("spec", {}).get("template", {}).get("spec", {})
    return [(one["image"], one["ports"]) for one in spec.get("containers", ())]


def test_errors_are_json_unless_protobuf_is_asked_for(cluster: Access) -> None:
    with cluster.http() as http:
        missing = http.get(f"{MAPS}/nothing").json()
        as_protobuf = decode(http.get(f"{MAPS}/nothing", PROTOBUF).content)
    assert missing == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "nothing" not found',
        "reason": "NotFound",
        "details": {"name": "nothing", "kind": "configmaps"},
        "code": 404,
    }
    assert as_protobuf["code"] == 404
    assert as_protobuf["message"] == missing["message"]


# The gateway asks for JSON in its place.
@pytest.mark.usefixtures("directly")
def test_a_body_may_be_yaml(cluster: Access) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: |\n    text\n"
    with cluster.http() as http:
        headers = {"Content-Type": "application/yaml"}
        assert http.ask("POST", MAPS, data=text, headers=headers).json()["data"] == {"a": "text\n"}
        assert http.get(f"{MAPS}/one", "application/yaml").text.startswith("apiVersion: v1\ndata:\n  a: ")


# With a credential of its own the gateway asks for nothing compressed, since that could come back in it.
@pytest.mark.usefixtures("directly")
def test_a_big_list_is_compressed_for_who_takes_it(cluster: Access) -> None:
    with cluster.http() as http:
        made(http, a="x" * 200_000)
        packed = http.get(MAPS, headers={"Accept-Encoding": "gzip"})
        plain = http.get(MAPS, headers={"Accept-Encoding": "identity"})
        small = http.get("/api/v1/NS/pods", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in small.headers
    assert packed.json()["items"] == plain.json()["items"]


def watched(http: Http, query: str, accept: str = "application/json") -> list[Json]:
    """The events of a watch of one second."""
    answer = http.get(f"{MAPS}?watch=true&timeoutSeconds=1&{query}", accept)
    if answer.status_code != 200:
        raise AssertionError(answer.text)
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Access) -> None:
    with cluster.http() as http:
        made(http)
        events = watched(http, "fieldSelector=metadata.name=one")
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events if e["type"] != "BOOKMARK"] == [
        ("ADDED", "one")
    ]


def test_a_watch_in_tables_defines_its_columns_once(cluster: Access) -> None:
    with cluster.http() as http:
        for name in ("one", "two"):
            made(http, name)
        events = watched(http, "", TABLE)
    assert {e["object"]["kind"] for e in events} == {"Table"}
    assert [bool(e["object"]["columnDefinitions"]) for e in events] == [n == 0 for n in range(len(events))]
    assert {"one", "two"} <= {e["object"]["rows"][0]["cells"][0] for e in events if e["object"]["rows"]}


def test_a_watch_in_protobuf_has_frames_with_their_length(cluster: Access) -> None:
    with cluster.http() as http:
        made(http, a="1")
        query = f"{MAPS}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=one"
        answer = http.get(query, f"{PROTOBUF};stream=watch")
    (size,) = struct.unpack_from(">I", answer.content)
    frame = answer.content[4 : 4 + size]
    assert len(frame) == size
    assert b"ADDED" in frame
    assert decode(frame[frame.index(b"k8s\x00") :])["data"] == {"a": "1"}


def test_a_watch_can_begin_with_a_list_and_say_where_it_ends(cluster: Access) -> None:
    cluster.needs(32)
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with cluster.http() as http:
        made(http)
        events = watched(http, query)
        refused = http.get(f"{MAPS}?watch=true&timeoutSeconds=1&sendInitialEvents=true")
    bookmarks = [event["object"] for event in events if event["type"] == "BOOKMARK"]
    assert bookmarks[0]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(bookmarks[0]["metadata"]["resourceVersion"]) > 0
    before = [
        e["object"]["metadata"]["name"] for e in events[: events.index({"type": "BOOKMARK", "object": bookmarks[0]})]
    ]
    assert "one" in before
    assert refused.status_code == 422


def test_a_list_of_a_revision_in_the_future_says_so(cluster: Access) -> None:
    with cluster.http() as http:
        refused = http.get(f"{MAPS}?resourceVersion=99999999999&resourceVersionMatch=NotOlderThan")
    assert (refused.status_code, refused.json()["reason"]) == (504, "Timeout")


def test_names_are_generated(cluster: Access) -> None:
    with cluster.http() as http:
        names = {
            http.ask("POST", MAPS, json={"metadata": {"generateName": "made-"}}).json()["metadata"]["name"]
            for _ in range(2)
        }
    assert len(names) == 2
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


def test_every_answer_has_an_audit_id(cluster: Access) -> None:
    cluster.needs(22)
    with cluster.http() as http:
        first, second = (http.get("/version").headers["Audit-Id"] for _ in range(2))
    assert first != second


def test_nobody_in_particular_is_unauthorized(cluster: Access) -> None:
    with cluster.http() as http:
        refused = http.get(MAPS, headers={"Authorization": "Bearer wrong"})
        http.session.cert = None
    assert (refused.status_code, refused.json()["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/NS/configmaps/one", 405),
        ("PUT", "/api/v1/NS/configmaps/missing", 404),
        ("GET", "/api/v1/NS/pods/missing/log", 404),
    ],
)
def test_what_is_not_there_or_not_allowed(cluster: Access, method: str, path: str, status: int) -> None:
    body = None if method == "GET" else config_map("missing")
    with cluster.http() as http:
        answer = http.ask(method, path, json=body)
    assert (answer.status_code, answer.json()["kind"]) == (status, "Status")


def test_a_patch_has_to_say_of_which_type_it_is(cluster: Access) -> None:
    with cluster.http() as http:
        answer = http.ask("PATCH", f"{MAPS}/missing", json={})
    assert (answer.status_code, answer.json()["reason"]) == (415, "UnsupportedMediaType")


def test_a_group_that_nobody_serves_is_no_path(cluster: Access) -> None:
    with cluster.http() as http:
        answer = http.get("/apis/none.example.com/v1/things")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_unknown_fields_are_warned_of_and_dropped(cluster: Access) -> None:
    cluster.needs(25)
    with cluster.http() as http:
        answer = http.ask("POST", MAPS, json={**config_map("one", a="1"), "dat": {"b": "2"}})
    assert answer.headers["Warning"] == '299 - "unknown field \\"dat\\""'
    assert "dat" not in answer.json()


def test_discovery_can_be_had_at_once(cluster: Access) -> None:
    cluster.needs(27)
    with cluster.http() as http:
        answer = http.get("/apis", AGGREGATED)
    assert AGGREGATED.split(";")[1] in answer.headers["Content-Type"]
    assert "apps" in [group["metadata"]["name"] for group in answer.json()["items"]]


def test_discovery_is_asked_for_again_only_when_it_has_changed(cluster: Access) -> None:
    cluster.needs(27)
    with cluster.http() as http:
        tag = http.get("/apis", AGGREGATED).headers["ETag"]
        assert http.get("/apis", AGGREGATED, headers={"If-None-Match": tag}).status_code == 304
