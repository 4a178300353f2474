"""Pods may only run images of our own registry, wherever in an object or a patch an image is named.

hoopaddon -s images_from_registry.py --set registry=registry.internal/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hoopaddon import KubeCommand, Loader, Refused, ctx


def images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield item
            yield from images(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from images(item)


class ImagesFromRegistry:
    def load(self, loader: Loader) -> None:
        loader.add_option("registry", str, "registry.internal/", "What the name of every image begins with.")

    def kube_request(self, command: KubeCommand) -> None:
        for change in command.changes:
            for image in images(change):
                # A patch may copy a name from elsewhere: it is … then, and not of the registry.
                if not image.startswith(ctx.options.registry):
                    raise Refused(f"{image[:60]} is not an image of {ctx.options.registry}")


addons = [ImagesFromRegistry()]
