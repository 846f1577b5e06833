"""The pytest plugin of `tox -e tests-mutate`: the order of the tests, and no shrinking.

Most mutants fail a test of literal values at once, so these come first, in a fixed order. Nobody
would see the simplest failing example, so Hypothesis doesn't search for it.
"""

import hypothesis
import pytest
from hypothesis import Phase


@pytest.hookimpl(trylast=True)  # Hypothesis marks its own tests first
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ("hypothesis" in item.keywords or "grad" in item.name, item.nodeid))
    phases = (Phase.explicit, Phase.generate)
    hypothesis.settings.register_profile("mutate", hypothesis.settings(), phases=phases)
    hypothesis.settings.load_profile("mutate")
