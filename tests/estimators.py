"""River's own checks of what speaks its protocol."""

import sys
from types import ModuleType
from typing import Any

import pytest
from river import checks
from river.base import Estimator


def river_checks(model: Estimator) -> list[Any]:
    """Return the checks that River has for such a model."""
    with pytest.MonkeyPatch.context() as patch:  # River imports it for its checks of regressors, and we have none
        patch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
        patch.setattr(sys.modules["sklearn"], "datasets", None, raising=False)
        return list(checks.yield_checks(model))
