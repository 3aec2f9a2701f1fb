"""One process runs all tests of rich routing, whose kernels take a minute and more to compile."""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before the plugin reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes that need the kernels at one time would both compile them."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("vrp"))
