"""A job's log says where its time went, and the next job finds what it compiled."""

import re
import subprocess
import sys

LOG = r"(\w+): ([\d.]+) s, start-up ([\d.]+) s, compilation ([\d.]+) s, threads (\d+), memory ([\d.]+) GiB\n"

PROGRAM = """
from training_jacobian.clock import Clock
from training_jacobian.threads import hold
clock = Clock()
hold(1, xla=True)
import jax, jax.numpy as jnp
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event.endswith("/cache_hits")))
clock.started()
result = jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x.T))(jnp.arange(6.0).reshape(2, 3))
print(float(result.sum()), sum(hits) > 0, clock.compilation > 0)
"""


def test_logs_say_where_the_time_went(finished):
    told = {}
    for log in (finished.root / "results/logs").glob("**/*.log"):
        match = re.fullmatch(LOG, log.read_text())
        if log.name != "publish.log":
            assert match, log.read_text()
            seconds, startup, compilation, threads, memory = map(float, match.groups()[1:])
            assert 0 < startup + compilation <= seconds + 0.2  # each is rounded to 0.1
            assert threads >= 1
            assert 0.01 < memory < 4
            told.setdefault(match[1], []).append(compilation)
    assert {"data", "train", "columns", "jacobian", "svd", "spectrum", "figure"} <= set(told)
    assert max(told["columns"]) > 0.1
    assert max(told["svd"]) == 0  # negative control: it compiles nothing


def test_compiled_programs_are_found_again(tmp_path):
    run = lambda: subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    result, hit, compiled = run()
    assert (hit, compiled) == ("False", "True")
    assert run() == [result, "True", "True"]
    (folder,) = (tmp_path / "results/.compiled").iterdir()
    kept = [each for each in folder.iterdir() if each.name.startswith("jit_") and each.stat().st_size]
    for each in kept:  # cut short by a full disk, or a kill
        each.write_bytes(each.read_bytes()[: each.stat().st_size // 2])
    assert kept
    assert run()[0] == result
