"""Downloads from a server on this machine that truncates, stalls, redirects and lies."""

import gzip
import hashlib
import re
import resource
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training_jacobian.artifacts import raw
from training_jacobian.artifacts.oserrors import ArtifactError
from training_jacobian.artifacts.raw_file import Raw

CONTENT = bytes(range(256)) * 2000
PACKED = gzip.compress(CONTENT)
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OFFLINE = Raw("file", DIGEST, ("nowhere/file.gz",), len(CONTENT))  # ValueError where a download is tried


class Server(BaseHTTPRequestHandler):
    """What it answers is the first part of the path; `asked` has each path with its Range."""

    asked: list[tuple[str, str | None]]

    def log_message(self, *_):
        pass

    def answer(self, body: bytes, status=200, kind="application/gzip", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        how, start = self.path.split("/")[1], self.headers.get("Range")
        self.asked.append((how, start))
        first = int(re.search(r"\d+", start)[0]) if start else 0
        half = len(PACKED) // 2
        match how:
            case "good":
                self.answer(PACKED)
            case "truncates":
                self.answer(PACKED[:half], length=len(PACKED))
            case "resumes":  # half of what is left, then the rest
                body = PACKED[first:] if first else PACKED[:half]
                self.answer(body, status=206 if first else 200, length=len(PACKED) - first)
            case "stalls":
                self.answer(PACKED[:half], length=len(PACKED))
                time.sleep(1.5)
            case "redirects":
                self.answer(b"", status=302, Location="/good/file.gz")
            case "loops":
                self.answer(b"", status=302, Location="/loops/file.gz")
            case "file":
                self.answer(b"", status=302, Location="file:///etc/hostname")
            case "page":
                self.answer(b"<html>log in</html>", kind="text/html; charset=utf-8")
            case "other":
                self.answer(gzip.compress(b"something else"))
            case "nogzip":
                self.answer(b"not packed at all")
            case "cut":  # a whole answer with half a file
                self.answer(PACKED[:half])
            case "missing":
                self.answer(b"", status=404)
            case "endless":
                self.answer(b"", length=10**12)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(raw, "TIMEOUT", 0.3)
    Server.asked = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield lambda *how: Raw(
        "file",
        DIGEST,
        tuple(f"http://127.0.0.1:{made.server_port}/{each}/file.gz" for each in how),
    )
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("how", ["good", "redirects", "resumes"])
def test_fetched(server, tmp_path, how):
    path = raw.fetch(server(how), tmp_path)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    if how == "resumes":
        assert Server.asked == [("resumes", None), ("resumes", f"bytes={len(PACKED) // 2}-")]
    Server.asked.clear()
    raw.fetch(server(how), tmp_path)
    assert Server.asked == []  # it is there


BAD = {
    "truncates": "cut off after",
    "stalls": "timed out",
    "loops": "redirect",
    "file": "not allowed|redirection",
    "page": "a web page, not a file",
    "other": "sha256 of the content is .*, expected",
    "nogzip": "sha256 of the content is .*, expected",
    "cut": "not a whole gzip file",
    "missing": "404",
    "endless": "more than any data set here",
}


@pytest.mark.parametrize("how", BAD)
def test_refused_with_nothing_left_and_tried_again(server, tmp_path, how):
    with pytest.raises(raw.RawError) as refused:
        raw.fetch(server(how), tmp_path)
    told = str(refused.value)
    assert re.search(f"/{how}/file.gz: .*({BAD[how]})", told), told
    assert f"Put file or file.gz into {tmp_path}/ (sha256:" in told
    assert list(tmp_path.iterdir()) == []
    assert raw.fetch(server("good"), tmp_path).read_bytes() == CONTENT


def test_the_next_mirror_is_tried(server, tmp_path):
    assert raw.fetch(server("page", "missing", "cut", "good"), tmp_path).read_bytes() == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_file_put_there_by_hand_is_unpacked_or_refused(server, tmp_path):
    (tmp_path / "file.gz").write_bytes(PACKED)
    assert raw.fetch(server("missing"), tmp_path).read_bytes() == CONTENT
    assert Server.asked == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "file.gz"]


GIVEN = {
    "file.gz": CONTENT,  # the browser unpacked it
    "file": PACKED,  # or gave it the name of what it holds
    "file (1).gz": PACKED,
    "FILE": CONTENT,
    "train.file-ubyte": CONTENT,
    "MNIST/raw/file": CONTENT,  # as torchvision does
    "file-folder/file.gz.gz": PACKED,
    "file.gz/file": PACKED,  # as some archivers do
}


@pytest.mark.parametrize("size", [None, len(CONTENT)])
@pytest.mark.parametrize("name", GIVEN)
def test_what_a_person_puts_there_is_known_by_its_content(tmp_path, name, size):
    wanted = replace(OFFLINE, size=size)
    for other, content in {"another": CONTENT[1:], "empty": b"", "page.gz": b"<html>", ".hidden": CONTENT}.items():
        (tmp_path / other).write_bytes(content)
    given = tmp_path / name
    given.parent.mkdir(parents=True, exist_ok=True)
    given.write_bytes(GIVEN[name])
    assert raw.ready(tmp_path / "file", wanted).read_bytes() == CONTENT
    assert raw.fetch(wanted, tmp_path).read_bytes() == CONTENT
    assert given.exists()  # nothing of a person's is moved


WRONG = {
    "cut": (PACKED[: len(PACKED) // 2], "packed by gzip, cut off or of something else; expected 512000"),
    "cut, the end kept": (PACKED[:900] + PACKED[-400:], "not a whole gzip file"),
    "half": (CONTENT[: len(CONTENT) // 2], "256000 bytes; expected 512000"),
    "flipped": (CONTENT[:-1] + b"x", "sha256 of the content is .*, expected"),
    "empty": (b"", "empty"),
    "page": (b"<!doctype html>log in", "perhaps a web page"),
    "zip": (b"PK\3\4...", "a zip archive: unpack it"),
}


@pytest.mark.parametrize("name", ["file", "file.gz"])
@pytest.mark.parametrize("kind", WRONG)
def test_other_content_is_refused_in_words(tmp_path, kind, name):
    content, told = WRONG[kind]
    (tmp_path / name).write_bytes(content)
    there = "not the right file" if name == "file" else "not there"
    for refuse in (lambda: raw.ready(tmp_path / "file", OFFLINE), lambda: raw.fetch(OFFLINE, tmp_path)):
        with pytest.raises(raw.RawError if name == "file" else (raw.RawError, ValueError)) as refused:
            refuse()
        if refused.type is ValueError:  # a download is tried
            continue
        text = str(refused.value)
        assert text.startswith(f"{tmp_path}/file: {there}; expected sha256:")
        assert re.search(f"  {tmp_path}/{name}: .*({told})", text)
        assert "file or file.gz into" in text
        assert (f"Delete {tmp_path}/file, to have it downloaded, or put" in text) == (name == "file")
        assert text.endswith("under any name, and run the same command again")
    assert (tmp_path / name).read_bytes() == content
    assert not list(tmp_path.glob(".*"))


def test_what_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "film.mp4").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(raw.RawError, match=r"film\.mp4: 1099511627776 bytes; expected 512000\n.*link.*leads to noth"):
        raw.ready(tmp_path / "file", OFFLINE)


def test_a_folder_under_its_name_is_told(tmp_path):
    (tmp_path / "file").mkdir()
    (tmp_path / "file/file").write_bytes(CONTENT)
    with pytest.raises(raw.RawError, match="file: a folder is where a file belongs: rename it"):
        raw.fetch(OFFLINE, tmp_path)
    (tmp_path / "file").rename(tmp_path / "renamed")
    assert raw.fetch(OFFLINE, tmp_path).read_bytes() == CONTENT


def test_a_full_disk_is_not_taken_for_a_bad_address(server, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ArtifactError, match=r"\.file\.download: cannot be written: File too large; raise"):
            raw.fetch(server("good", "good"), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(Server.asked) == 1  # the other would not help
    assert not list(tmp_path.iterdir())


def test_other_schemes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="neither http nor https"):
        raw.fetch(Raw("file", "sha256:0", ("file:///etc/hostname",)), tmp_path)
