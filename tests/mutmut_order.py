"""What pytest does otherwise while mutmut tries the tests: `tox -e tests-mutate` loads this plugin.

Most mutants fail a test of literal values at once, so these come first, in one order. Hypothesis
need not look for the simplest failing example, which nobody would see.
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
