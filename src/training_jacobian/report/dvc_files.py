"""What DVC shows of the results: the page of its plots, and the few metrics in the table of its experiments."""

import json
from pathlib import Path

from training_jacobian.artifacts.integrity import bytes_of
from training_jacobian.artifacts.oserrors import AGAIN, ArtifactError, telling
from training_jacobian.artifacts.store import whole
from training_jacobian.report.scripts import vega

METRICS = ("test_loss", "sigma_1", "bulk_directions")  # of each run; DVC gives every number of a metrics file a column

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>DVC plots</title>
{refresh_tag}
<script>SCRIPT</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def write(results: Path) -> None:
    """`dvc_plots.html`, with Vega in it, which DVC's own page loads from the network; `dvc_metrics.json`.

    Raises ArtifactError where a file cannot be read or written.
    """
    _write(results / "dvc_plots.html", PAGE.replace("SCRIPT", vega()))
    path = results / "figs/runs.json"
    try:
        with telling(path):
            runs = json.loads(bytes_of(path))
    except ValueError as error:
        raise ArtifactError(f"{path}: no JSON ({error}); delete it and {AGAIN}") from error
    few = {run: {name: row[name] for name in METRICS if row.get(name) is not None} for run, row in runs.items()}
    _write(results / "dvc_metrics.json", json.dumps(few, indent=2, allow_nan=False) + "\n")


def _write(target: Path, text: str) -> None:
    with whole(target) as partial:
        partial.write_text(text, encoding="utf-8")
