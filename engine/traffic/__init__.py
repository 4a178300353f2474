"""mitmproxy's traffic, failing closed: what a broken hook means, and how nothing passes after it."""
