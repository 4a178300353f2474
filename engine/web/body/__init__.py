"""Edits the bodies of requests and responses as they stream past, through the policies' `output` hook."""

from hoopaddon.web.body.coded import BodyEditor
from hoopaddon.web.body.editor import DEFAULT_LIMIT_BYTES, body_editor
from hoopaddon.web.body.headers import edited_headers, whole_request

__all__ = ["DEFAULT_LIMIT_BYTES", "BodyEditor", "body_editor", "edited_headers", "whole_request"]
