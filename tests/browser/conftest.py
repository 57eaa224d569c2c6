"""Fixtures of the browser's tests."""

from __future__ import annotations

from tests.browser.chromium import axe, browser
from tests.integration.whole import whole

__all__ = ["axe", "browser", "whole"]
