"""What README and docs/ say: links lead somewhere, commands exist, pieces of params.yaml are right."""

import re
import shlex
from pathlib import Path

import pytest

from conftest import ROOT
from training_jacobian.cli import _parser
from training_jacobian.workflow.loading import ParamsError, _tree, parse
from training_jacobian.workflow.params import merge

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PIECES = [ROOT / "README.md", ROOT / "docs/start.md", ROOT / "docs/large.md"]  # examples of others are run elsewhere


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def lead_nowhere(page: Path, text: str) -> list[str]:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    return [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    assert lead_nowhere(page, page.read_text()) == []
    assert lead_nowhere(page, "[start](docs/strat.md)") == ["docs/strat.md"]


def unknown(text: str) -> list[str]:
    """Commands of ours in fenced blocks that the parser does not take."""
    found = []
    for line in "".join(fences(text, "")).splitlines():
        for command in re.findall(r"^training-jacobian (.*)", line):
            try:
                _parser().parse_args(shlex.split(command, comments=True))
            except SystemExit:
                found.append(command)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands(page, capsys):
    assert unknown(page.read_text()) == []
    assert unknown("```\ntraining-jacobian pth paper svd\n```\n") == ["pth paper svd"]


def params_with(piece: str):
    """params.yaml with such a piece in it."""
    return parse(merge(_tree((ROOT / "params.yaml").read_text())[0], _tree(piece)[0]), ROOT)


@pytest.mark.parametrize("page", PIECES, ids=lambda page: page.name)
def test_pieces_of_params(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    pieces = [piece for piece in fences(page.read_text(), "yaml") if "my_net.py" not in piece]  # docs/extend.md has it
    assert pieces
    for piece in pieces:
        params_with(piece)
        with pytest.raises(ParamsError):
            params_with(piece.replace(":", "s:", 1))
