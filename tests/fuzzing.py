"""Profiles of hypothesis: `ci`, the same examples in every run; `long`, more and others (HYPOTHESIS_PROFILE=long)."""

import os
import tempfile

from hypothesis import HealthCheck, configuration, settings

configuration.set_hypothesis_home_dir(tempfile.gettempdir())  # nothing of it in the repository
COMMON = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", derandomize=True, **COMMON)
settings.register_profile("long", max_examples=20_000, **COMMON)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
settings.load_profile(PROFILE)


def examples(count: int) -> int:
    """So many examples in CI, as many as the profile says in a long run."""
    return count if PROFILE == "ci" else settings.default.max_examples
