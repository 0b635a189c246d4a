"""The Python examples of README and of the pages of results, as they stand there but for the name of the run."""

import re
from contextlib import chdir

import jax.numpy as jnp
import numpy as np
import optax

from conftest import ROOT

README = (ROOT / "README.md").read_text()
PAGES = README, *((ROOT / f"docs/{name}.md").read_text() for name in ("results", "large"))
FIRST, STORED, OPERATOR = (re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1] for page in PAGES)
RANDOM = np.random.default_rng(0)


def run(example: str, **names) -> dict:
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 (that is the test)
    return names


def test_the_session_on_the_first_screen(tmp_path, capsys):
    assert len(README.splitlines()) <= 110
    with chdir(tmp_path):
        made = run(
            FIRST,
            loss=lambda params, batch: ((jnp.tanh(batch[0] @ params["w"]) - batch[1]) ** 2).mean(),
            params={"w": RANDOM.standard_normal((3, 2))},
            optimizer=optax.sgd(0.1),
            batches=(RANDOM.standard_normal((5, 8, 3)), RANDOM.standard_normal((5, 8, 2))),
        )
        assert made["J"].shape == (6, 6)
        assert "J describes" in capsys.readouterr().out
        assert (tmp_path / "bird.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_stored(finished):
    with chdir(finished.root):
        made = run(STORED.replace("runs/paper/", "runs/a/"))
        assert made["U"].shape == made["Vt"].shape == (160, 160)
        again = run(OPERATOR.replace('"paper"', '"a"').replace("k=10", "k=3"))
        assert np.allclose(np.sort(again["S"])[::-1], made["S"][:3])
