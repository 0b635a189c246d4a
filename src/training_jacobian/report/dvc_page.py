"""The page of `dvc plots show`, with Vega in it: DVC's own loads it from the network."""

from pathlib import Path

from training_jacobian.artifacts.oserrors import telling
from training_jacobian.artifacts.store import whole
from training_jacobian.report.page import libraries

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


def write(target: Path) -> None:
    """Raises ArtifactError where the operating system refuses."""
    with telling(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as partial:
            partial.write_text(PAGE.replace("SCRIPT", libraries()["vega"]), encoding="utf-8")
