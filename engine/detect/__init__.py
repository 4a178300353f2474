"""Finds personal data and secrets in text, and hides them: for policies that mask, count or refuse them."""

from hoopaddon.detect.bodies import BODY_KINDS, BodyMask, BodyState, body_state
from hoopaddon.detect.catalog import ENTITIES, GROUPS, UnknownEntity, expand
from hoopaddon.detect.fields import Fields
from hoopaddon.detect.finder import UNSEARCHED, Finder, Match, find, finder
from hoopaddon.detect.jsontext import mask_json
from hoopaddon.detect.kubeobjects import KubeMask, kube_fields
from hoopaddon.detect.masks import Mask, Pseudonyms, partial, redacted, replace
from hoopaddon.detect.prefilter import Prefilter
from hoopaddon.detect.streamtext import StreamMask, StreamState

__all__ = [
    "BODY_KINDS",
    "ENTITIES",
    "GROUPS",
    "UNSEARCHED",
    "BodyMask",
    "BodyState",
    "Fields",
    "Finder",
    "KubeMask",
    "Mask",
    "Match",
    "Prefilter",
    "Pseudonyms",
    "StreamMask",
    "StreamState",
    "UnknownEntity",
    "body_state",
    "expand",
    "find",
    "finder",
    "kube_fields",
    "mask_json",
    "partial",
    "redacted",
    "replace",
]
