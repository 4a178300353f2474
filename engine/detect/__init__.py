"""Finds personal data and secrets in text, and hides them: for policies that mask, count or refuse them."""

from hoopaddon.detect.catalog import ENTITIES, GROUPS, UnknownEntity, expand
from hoopaddon.detect.finder import UNSEARCHED, Finder, Match, find, finder
from hoopaddon.detect.jsontext import mask_json
from hoopaddon.detect.masks import Mask, Pseudonyms, partial, redacted, replace
from hoopaddon.detect.prefilter import Prefilter
from hoopaddon.detect.streamtext import StreamMask, StreamState

__all__ = [
    "ENTITIES",
    "GROUPS",
    "UNSEARCHED",
    "Finder",
    "Mask",
    "Match",
    "Prefilter",
    "Pseudonyms",
    "StreamMask",
    "StreamState",
    "UnknownEntity",
    "expand",
    "find",
    "finder",
    "mask_json",
    "partial",
    "redacted",
    "replace",
]
