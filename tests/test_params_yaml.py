"""params.yaml as YAML: what is no params file, aliases, merges, quotes and encodings."""

import re
from itertools import pairwise

import pytest

from conftest import TINY
from training_jacobian.workflow import loading
from training_jacobian.workflow.loading import ParamsError

LAUGHS = ", ".join(f"&{c} [{', '.join([f'*{b}'] * 9)}]" for b, c in pairwise("abcdefghijklm"))  # 9^12 ones

# files that are no params files: (content, pattern that the message must have)
FILES = {
    "UTF-16": (TINY.encode("utf-16"), r"byte 1, 0xff, is not UTF-8; save the file as UTF-8$"),
    "Latin-1": (TINY.replace("gelu", "gel\xfc").encode("latin1"), r"byte \d+, 0xfc, is not UTF-8; save the file"),
    "zeros": (b"\0\0", r"not valid YAML: unacceptable character #x0000"),
    "list": (b"- a", r"empty or not a mapping"),
    "word": (b"a", r"empty or not a mapping"),
    "two documents": (b"a: 1\n---\nb: 1", r"not valid YAML: expected a single document"),
    "lists in lists": (b"[" * 500, r"nested too deeply; is a bracket not closed\?$"),
    "mappings in mappings": (b"{a: " * 500, r"nested too deeply; is a bracket not closed\?$"),
    "nearly a character": (b'"\\U00110000": 1', r"line 1: not valid YAML: \\U of no character; write another$"),
    "a version": (b"%YAML 1." + b"1" * 5000 + b"\n---\na: 1", r"not valid YAML: Exceeds the limit \(4300 digits\)"),
    "list in itself": (b"a: &a [*a]", r"line 1: \*a stands inside &a; write out what is meant$"),
    "list in itself, deep": (b"a: &a [b, {c: [*a]}]", r"line 1: \*a stands inside &a; write out what is meant$"),
    "alias of nothing": (b"a: *a", r"not valid YAML: found undefined alias"),
    "other YAML": (b"%YAML 9.9\n---\na: 1", r"not valid YAML: found incompatible YAML document"),
    "object": (b"!!python/object/apply:os.system [ls]", r"the tag '.*os\.system' has no use here; remove it$"),
    "too large": (b"#" * 2**20 + TINY.encode(), r"more than 1048576 bytes, so no params file; name another$"),
    "lists of lists": (TINY.replace("[2]", f"[&a [1], {LAUGHS}]").encode(), r"model\.hidden\.12 = \[\[\[\.\.\.\], "),
}  # fmt: skip


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("what", FILES)
def test_what_is_no_params_file(file, what):
    content, message = FILES[what]
    file.write_bytes(content)
    with pytest.raises(ParamsError) as refused:
        loading.load()
    assert re.search(message, str(refused.value)), str(refused.value)
    assert len(str(refused.value)) < 9000


def test_names_that_yaml_takes_for_something_else_work_in_quotes(file):
    file.write_text(
        TINY.replace("  b: {initial", "  'on': {}\n  \"no\": {}\n  'null': {}\n  y: {}\n  e3: {}\n  b: {initial")
    )
    assert list(loading.load().runs) == ["a", "on", "no", "null", "y", "e3", "b", "c"]
    summary = "summary: {paper: 'on', seeds: ['no', \"null\"]}\ncompute:"
    file.write_text(file.read_text().replace("compute:", summary).replace("runs: [a]", "runs: ['on', a]"))
    assert loading.load().summary.seeds == ["no", "null"]


def test_aliases_and_merges_are_those_of_yaml(file):
    merged = "b: &b {initial: &s {seed: 1}}\n  d: {<<: *b}\n  e: {<<: [*b, {initial: {seed: 3}}]}\n"
    merged += "  f: {initial: {<<: *s, seed: 2}}"
    file.write_text(TINY.replace("b: {initial: {seed: 1}}", merged))
    assert [run.initial.seed for run in loading.load().runs.values()] == [0, 1, 1, 1, 2, 0]
    laughs = "\n  ".join(f"{c}: &{c} {{<<: [{', '.join([f'*{b}'] * 9)}]}}" for b, c in pairwise("bdefghijklmn"))
    file.write_text(TINY.replace("b: {initial: {seed: 1}}", f"b: &b {{initial: {{seed: 1}}}}\n  {laughs}"))
    assert loading.load().runs["n"].initial.seed == 1


def test_a_byte_order_mark_and_other_ends_of_lines(file):
    for text in ("\ufeff" + TINY, TINY.replace("\n", "\r\n"), TINY.replace("\n", "\r")):
        file.write_bytes(text.encode())
        assert list(loading.load().runs) == ["a", "b", "c"]
