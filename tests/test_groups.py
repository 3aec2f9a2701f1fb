"""Tests of one group run in one process, which keeps one cluster and compiles kernels once."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process anyway")
@pytest.mark.xdist_group("this")
def test_the_plugin_reads_the_groups(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 keeps from pytest-xdist 3.8 that tests have a group, and nobody would notice."""
    assert request.node.nodeid.endswith("@this")
