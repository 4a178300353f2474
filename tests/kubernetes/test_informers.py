"""Python's client: watches, the dynamic client, patches with types."""

import itertools
from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from tests.kubernetes.clients import Access
from tests.kubernetes.manifests import config_map, deployment


def changes(listing: Any, namespace: str, timeout_seconds: int = 10, **query: Any) -> Generator[Any]:
    """A watch's events."""
    new: Any = watch.Watch
    with closing(new().stream(listing, namespace, timeout_seconds=timeout_seconds, **query)) as events:
        yield from events


def first(many: int, events: Generator[Any]) -> list[Any]:
    """The first events; the watch ends behind them."""
    with closing(events) as opened:
        return list(itertools.islice(opened, many))


def test_a_watch_tells_of_each_change_in_order(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        before = core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
        core.create_namespaced_config_map(cluster.namespace, config_map("one", a="1"))
        core.patch_namespaced_config_map("one", cluster.namespace, {"data": {"a": "2"}})
        core.delete_namespaced_config_map("one", cluster.namespace)
        listing = core.list_namespaced_config_map
        query = {"resource_version": before, "field_selector": "metadata.name=one"}
        events = first(3, changes(listing, cluster.namespace, **query))
        seen = [(event["type"], event["object"].data) for event in events]
    assert seen == [("ADDED", {"a": "1"}), ("MODIFIED", {"a": "2"}), ("DELETED", {"a": "2"})]


def test_a_watch_of_labels_sees_objects_come_and_go(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        before = core.list_namespaced_config_map(cluster.namespace).metadata.resource_version
        core.create_namespaced_config_map(cluster.namespace, config_map("one"))
        for labels in ({"on": "yes"}, {"on": "yes", "more": "x"}, {"on": None}):
            core.patch_namespaced_config_map("one", cluster.namespace, {"metadata": {"labels": labels}})
        query = {"resource_version": before, "label_selector": "on=yes"}
        events = first(3, changes(core.list_namespaced_config_map, cluster.namespace, **query))
        assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_ends_when_it_was_asked_to(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        core.create_namespaced_config_map(cluster.namespace, config_map("one"))
        events = changes(core.list_namespaced_config_map, cluster.namespace, timeout_seconds=1)
        assert "one" in [event["object"].metadata.name for event in events]


def test_the_dynamic_client_finds_its_way_by_discovery(cluster: Access) -> None:
    with cluster.dynamic() as dynamic:
        deployments: Any = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
        deployments.create(body=deployment("web", replicas=0), namespace=cluster.namespace)
        patch = {"spec": {"paused": True}}
        content = "application/merge-patch+json"
        deployments.patch(name="web", namespace=cluster.namespace, body=patch, content_type=content)
        assert deployments.get(name="web", namespace=cluster.namespace).spec.paused is True
        body = deployment("web", replicas=0)
        applied = deployments.server_side_apply(
            body=body, namespace=cluster.namespace, field_manager="me", force_conflicts=True
        )
        assert "me" in [entry.manager for entry in applied.metadata.managedFields]


def test_scale_is_a_resource_of_its_own(cluster: Access) -> None:
    with cluster.api() as api:
        apps: Any = client.AppsV1Api(api)
        apps.create_namespaced_deployment(cluster.namespace, deployment("web", replicas=0))
        scale = apps.patch_namespaced_deployment_scale("web", cluster.namespace, {"spec": {"replicas": 2}})
        assert (scale.kind, scale.spec.replicas) == ("Scale", 2)
        assert apps.read_namespaced_deployment("web", cluster.namespace).spec.replicas == 2


def test_a_list_can_be_read_in_pieces(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        for number in range(5):
            made = config_map(f"m{number}")
            made["metadata"]["labels"] = {"in": "pieces"}
            core.create_namespaced_config_map(cluster.namespace, made)
        first = core.list_namespaced_config_map(cluster.namespace, limit=2, label_selector="in=pieces")
        core.delete_namespaced_config_map("m4", cluster.namespace)
        names, token = [m.metadata.name for m in first.items], first.metadata._continue
        while token:
            part = core.list_namespaced_config_map(
                cluster.namespace, limit=2, label_selector="in=pieces", _continue=token
            )
            names, token = [*names, *(m.metadata.name for m in part.items)], part.metadata._continue
        # All pieces are of the state that the first one was of.
        assert names == [f"m{number}" for number in range(5)]


def test_a_service_account_gets_a_token_that_is_its_own(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        core.create_namespaced_service_account(cluster.namespace, {"metadata": {"name": "robot"}})
        wanted = {"spec": {"expirationSeconds": 600}}
        token = core.create_namespaced_service_account_token("robot", cluster.namespace, wanted).status.token
        authentication: Any = client.AuthenticationV1Api(api)
        review = authentication.create_token_review({"spec": {"token": token}})
        assert review.status.authenticated
        assert review.status.user.username == f"system:serviceaccount:{cluster.namespace}:robot"


def test_errors_are_status_objects(cluster: Access) -> None:
    with cluster.api() as api:
        core: Any = client.CoreV1Api(api)
        core.create_namespaced_config_map(cluster.namespace, config_map("one"))
        with pytest.raises(ApiException, match='"reason":"AlreadyExists"'):
            core.create_namespaced_config_map(cluster.namespace, config_map("one"))
        with pytest.raises(ApiException, match='"reason":"NotFound"'):
            core.read_namespaced_config_map("missing", cluster.namespace)
