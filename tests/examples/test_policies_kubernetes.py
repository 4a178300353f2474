"""Every example for Kubernetes does what its docstring says, tried with the kit that users get."""

from pathlib import Path
from types import ModuleType

import pytest

from hoopaddon.testing import command, judge, load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    return load(EXAMPLES / f"{name}.py")


# -- namespaces_of_groups


@pytest.mark.parametrize(
    ("text", "groups", "passes"),
    [
        ("GET /api/v1/namespaces/shop/pods", [], True),
        ("GET /api/v1/namespaces/shop/pods/web/log?follow=true", [], True),
        ("DELETE /api/v1/namespaces/shop/pods/web", ["shop-team"], True),
        ("DELETE /api/v1/namespaces/shop/pods/web", ["dba"], False),
        ("DELETE /api/v1/namespaces/shop/pods/web?dryRun=All", ["dba"], True),
        ("DELETE /api/v1/namespaces/shop/pods/web?dryRun=All\n\n{}", ["dba"], False),
        ("POST /api/v1/namespaces/db/pods/x/exec?command=ls", ["shop-team"], False),
        ("POST /api/v1/namespaces/db/pods/x/exec?command=ls", ["dba", "shop-team"], True),
        ("DELETE /api/v1/nodes/n", ["dba"], False),
        ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews\n\n{}", [], True),
    ],
)
def test_namespaces_of_groups(text: str, groups: list[str], passes: bool) -> None:
    options = {"namespaces": ["shop=shop-team,shop-test=shop-team", "db=dba"]}
    asked = command(text, protocol="kubernetes", groups=groups)
    assert judge(example("namespaces_of_groups"), asked, options=options).passes is passes


# -- images_from_registry

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ('POST /api/v1/namespaces/a/pods\n\n{"spec":{"containers":[{"image":"registry.internal/web:1"}]}}', True),
        ('POST /api/v1/namespaces/a/pods\n\n{"spec":{"containers":[{"image":"docker.io/web:1"}]}}', False),
        ('POST /api/v1/namespaces/a/pods\n\n{"spec":{"initContainers":[{"image":"web"}]}}', False),
        (f'PATCH {DEPLOYMENT}\n\n{{"spec":{{"template":{{"spec":{{"containers":[{{"image":"web"}}]}}}}}}}}', False),
        (f'PATCH {DEPLOYMENT}\n\n[{{"op":"replace","path":"/spec/containers/0/image","value":"x"}}]', False),
        (f'PATCH {DEPLOYMENT}\n\n[{{"op":"copy","from":"/metadata/name","path":"/spec/containers/0/image"}}]', False),
        (f'PATCH {DEPLOYMENT}\n\n{{"spec":{{"replicas":2}}}}', True),
        ("DELETE /api/v1/namespaces/a/pods/x", True),
    ],
)  # fmt: skip
def test_images_from_registry(text: str, passes: bool) -> None:
    asked = command(text, protocol="kubernetes")
    assert judge(example("images_from_registry"), asked).passes is passes
