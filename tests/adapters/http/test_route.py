"""What of a path names a kind of thing, and what one of them."""

import pytest

from hoopaddon.adapters.http.route import route_of


@pytest.mark.parametrize(
    "segment",
    [
        "42",
        "2024-01-31",
        "1,2,3",
        "0190a5c2-7b7e-7c3d-9a61-1f1c8f6f0a11",
        "507f1f77bcf86cd799439011",
        "9e107d9d372bb6826bd81d3542a419d6",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "cus_9s6XKzkNRiz8i3",
        "ada@example.com",
        "42-a-title",
        "@ada",
        "group%2Fproject",
        "x" * 600,
    ],
)
def test_ids(segment: str) -> None:
    assert route_of(["users", segment]) == "/users/{id}"


@pytest.mark.parametrize(
    "segment",
    [
        "users",
        "v1",
        "v1beta2",
        "oauth2",
        "api",
        "user-settings",
        "s3",
        "deadbeef",
        "facade",
        "_search",
        "a.b",
        "ipv6",
    ],
)
def test_names(segment: str) -> None:
    assert route_of([segment, "x"]) == f"/{segment}/x"


def test_the_root() -> None:
    assert route_of([]) == "/"
