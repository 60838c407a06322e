import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.experiment.datafiles import DataFiles

CONTENT = bytes(range(256)) * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT, mtime=0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A user with an empty cache and no data folder."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder / project)
    monkeypatch.delenv("DLTRICKS_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder / "dltricks" / "some"


class Server:
    """Answers with what ``answers`` holds: bytes, a status, or (length to promise, bytes)."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                length, content = answer if isinstance(answer, tuple) else (len(answer), answer)
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def locate(files, urls=(), compressed=True):
    return files.locate("some", "data", SHA256, urls, compressed=compressed)


@pytest.mark.parametrize("inside", ["some", "."])
@pytest.mark.parametrize(("name", "content"), [("data", CONTENT), ("data.gz", PACKED)])
@pytest.mark.parametrize("by", ["argument", "variable", "cache"])
def test_a_file_is_found_plain_or_packed(tmp_path, monkeypatch, cache, inside, name, content, by):
    root = cache.parent if by == "cache" else tmp_path / "mine"
    if by == "cache" and inside == ".":
        inside = "some"
    (root / inside).mkdir(parents=True)
    (root / inside / name).write_bytes(content)
    if by == "variable":
        monkeypatch.setenv("DLTRICKS_DATA", str(root))
    files = DataFiles(data_dir=root if by == "argument" else None, quiet=True)
    assert locate(files).samefile(root / inside / name)


def test_the_search_goes_from_argument_to_variable_to_cache(tmp_path, monkeypatch, cache):
    folders = [tmp_path / "argument" / "some", tmp_path / "variable" / "some", cache]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(CONTENT)
    monkeypatch.setenv("DLTRICKS_DATA", str(tmp_path / "variable"))
    files = DataFiles(data_dir=tmp_path / "argument", quiet=True)
    for folder in folders:
        found = locate(files)
        assert found == folder / "data"
        found.unlink()


def test_a_found_file_with_another_sum_is_damage(tmp_path, server):
    server.answers["/data.gz"] = PACKED
    (tmp_path / "data").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DamagedError, match=f"data is not the file .*{found}, expected {SHA256}"):
        locate(DataFiles(data_dir=tmp_path, quiet=True), [server.url("/data.gz")])
    assert not server.asked


def test_a_found_file_that_is_cut_is_damage(tmp_path):
    (tmp_path / "data.gz").write_bytes(PACKED[:-20])
    with pytest.raises(DamagedError, match=r"data\.gz is a broken gzip file"):
        locate(DataFiles(data_dir=tmp_path, quiet=True))


def test_an_archive_is_checked_as_it_lies(tmp_path):
    (tmp_path / "data").write_bytes(PACKED)
    files = DataFiles(data_dir=tmp_path, quiet=True)
    sha256 = hashlib.sha256(PACKED).hexdigest()
    assert files.locate("some", "data", sha256, [], compressed=False) == tmp_path / "data"
    with pytest.raises(DamagedError):
        locate(files, compressed=False)


def test_a_download_lands_in_the_cache_once(server, cache):
    server.answers["/data.gz"] = PACKED
    files = DataFiles(quiet=True)
    path = locate(files, [server.url("/data.gz")])
    assert path == cache / "data.gz"
    assert path.read_bytes() == PACKED
    assert locate(files, [server.url("/data.gz")]) == path
    assert server.asked == ["/data.gz"]
    assert [p.name for p in cache.iterdir()] == ["data.gz"]


def test_a_server_that_unpacks_on_the_way_is_understood(server, cache):
    server.answers["/data.gz"] = CONTENT
    assert locate(DataFiles(quiet=True), [server.url("/data.gz")]) == cache / "data"


def test_an_archive_is_downloaded_as_it_lies(server, cache):
    server.answers["/data"] = PACKED
    sha256 = hashlib.sha256(PACKED).hexdigest()
    path = DataFiles(quiet=True).locate("some", "data", sha256, [server.url("/data")], compressed=False)
    assert path == cache / "data"


@pytest.mark.parametrize(
    "bad",
    [404, 500, b"<html>not here</html>", PACKED[:-30], (len(PACKED), PACKED[:200]), gzip.compress(b"other", mtime=0)],
)
def test_the_next_mirror_is_tried(server, cache, bad):
    server.answers |= {"/bad.gz": bad, "/good.gz": PACKED}
    path = locate(DataFiles(quiet=True), [server.url("/bad.gz"), server.url("/good.gz")])
    assert path.read_bytes() == PACKED
    assert server.asked == ["/bad.gz", "/good.gz"]
    assert [p.name for p in cache.iterdir()] == ["data.gz"]


def test_when_all_mirrors_fail_the_message_says_what_to_do(server, tmp_path, cache):
    server.answers |= {"/wrong.gz": gzip.compress(b"other", mtime=0), "/cut.gz": PACKED[:-30]}
    urls = [server.url(path) for path in ("/gone.gz", "/wrong.gz", "/cut.gz")]
    urls.append("http://127.0.0.1:9/nobody.gz")  # the discard port: no one listens
    with pytest.raises(UsageError) as caught:
        locate(DataFiles(data_dir=tmp_path / "mine", quiet=True), urls)
    message = str(caught.value)
    assert f"{urls[0]} (status 404)" in message
    assert f"{urls[1]} (wrong content: SHA-256 {hashlib.sha256(b'other').hexdigest()}" in message
    assert f"{urls[2]} (incomplete)" in message
    assert f"{urls[3]} (ConnectionError)" in message
    for place in (tmp_path / "mine" / "some", cache):
        assert str(place) in message
    assert "--data-dir" in message
    assert "$DLTRICKS_DATA" in message
    assert list(cache.iterdir()) == []


def test_progress_goes_to_stderr_unless_quiet(server, capsys, cache):
    server.answers["/data.gz"] = PACKED
    locate(DataFiles(quiet=True), [server.url("/data.gz")])
    assert capsys.readouterr() == ("", "")
    (cache / "data.gz").unlink()
    locate(DataFiles(), [server.url("/data.gz")])
    out, err = capsys.readouterr()
    assert out == ""
    assert "downloading data: 100%" in err


def test_a_cache_that_cannot_be_made_is_a_matter_of_the_file_system(tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    with pytest.raises(FileSystemError, match=r"cannot write the cache folder .*--data-dir"):
        locate(DataFiles(quiet=True), ["http://127.0.0.1:9/data.gz"])


def test_users_files_are_beside_the_experiment_or_in_the_current_folder(tmp_path, monkeypatch):
    base, current = tmp_path / "base", tmp_path / "current"
    for folder in (base, current):
        folder.mkdir()
        (folder / "a.csv").touch()
    (current / "b.csv").touch()
    monkeypatch.chdir(current)
    files = DataFiles(base=base)
    assert files.resolve("a.csv").samefile(base / "a.csv")
    assert files.resolve("b.csv").samefile(current / "b.csv")
    assert files.resolve(str(current / "b.csv")).samefile(current / "b.csv")
    assert DataFiles().resolve("a.csv").samefile(current / "a.csv")


def test_a_missing_file_has_a_nearest_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("iris.csv").touch()
    Path("folder").mkdir()
    with pytest.raises(UsageError, match=r"no file .*irs\.csv; did you mean .*iris\.csv\?"):
        DataFiles(base=tmp_path).resolve("irs.csv")
    with pytest.raises(UsageError, match=r"no file .*nowhere.x\.csv$"):
        DataFiles().resolve("nowhere/x.csv")
    with pytest.raises(UsageError, match="folder is a folder; a file is needed"):
        DataFiles().resolve("folder")


def test_an_unknown_home_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such user"):
        DataFiles(base=tmp_path).resolve("~nobody-of-that-name/table.csv")


def test_an_empty_path() -> None:
    with pytest.raises(UsageError, match="the path is empty"):
        DataFiles().resolve("")
