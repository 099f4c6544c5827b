"""Files, against a real server."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from jobs import files, keys
from jobs.errors import FileMissing, FileTooLarge
from jobs.settings import Settings, use_settings
from jobs.streams import PIECE, Writer

pytestmark = pytest.mark.usefixtures("redis")


def test_bytes_come_back_with_their_name_and_type() -> None:
    stored = files.store("../photos/me.jpg", b"\xff\xd8\xff", "image/jpeg")
    again = files.get(stored.id)
    assert (again.name, again.content_type, again.size, again.read()) == ("me.jpg", "image/jpeg", 3, b"\xff\xd8\xff")


def test_a_large_stream_is_never_whole_in_memory(redis: Redis) -> None:
    stored = files.store("big.bin", io.BytesIO(bytes(range(256)) * 20_000))
    assert stored.size == 5_120_000
    assert [len(piece) for piece in stored.pieces()] == [PIECE] * 4 + [5_120_000 - 4 * PIECE]


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000), seeks=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=5))
def test_reading_is_like_reading_a_local_file(data: bytes, seeks: list[tuple[int, int]]) -> None:
    local = io.BytesIO(data)
    with files.store("x", data).open() as stored:
        for offset, length in seeks:
            assert (stored.seek(offset), stored.read(length)) == (local.seek(offset), local.read(length))


def test_an_empty_file_is_a_file() -> None:
    assert files.get(files.store("empty.txt", b"").id).read() == b""


def test_a_file_above_the_limit_leaves_nothing(redis: Redis, settings: Settings) -> None:
    use_settings(settings.model_copy(update={"file_max_bytes": 2_000_000}))
    with pytest.raises(FileTooLarge, match=r"the limit is 2,000,000 \(FILE_MAX_BYTES\)"):
        files.store("big.bin", io.BytesIO(b"x" * 3_000_000))
    assert redis.dbsize() == 0


def test_description_and_bytes_expire_together(redis: Redis) -> None:
    stored = files.store("x.txt", b"abc", ttl=500)
    ages = [redis.ttl(keys.file(stored.id)), redis.ttl(keys.file_bytes(stored.id))]
    assert all(490 < age <= 500 for age in ages)


def test_an_upload_that_breaks_off_expires_by_itself(redis: Redis) -> None:
    writer = Writer("x", "text/plain")

    def upload() -> None:
        with writer:
            writer.write(b"x" * PIECE)
            raise OSError("cable")

    with pytest.raises(OSError, match="cable"):
        upload()
    with pytest.raises(FileMissing):
        files.get(writer.id)
    assert redis.ttl(keys.file_bytes(writer.id)) > 0


def test_writing_goes_on_from_an_offset() -> None:
    first = Writer("x.txt", "text/plain")
    first.write(b"one\ntwo\n")
    first.flush()
    first.write(b"lost")
    second = Writer("x.txt", "text/plain", file_id=first.id, offset=8)
    with second:
        second.write(b"three\n")
    assert files.get(first.id).read() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("wrong", ["file_", "file_" + "0" * 32, "../etc/passwd", ""])
def test_an_unknown_id_is_missing(wrong: str) -> None:
    with pytest.raises(FileMissing):
        files.get(wrong)


def test_a_file_is_saved_to_disk_and_deleted(tmp_path: Path, redis: Redis) -> None:
    stored = files.store("x.txt", b"abc")
    stored.save(tmp_path / "copy")
    files.delete(stored.id)
    assert (tmp_path / "copy").read_bytes() == b"abc"
    assert redis.dbsize() == 0


def test_ids_are_found_anywhere_in_arguments() -> None:
    one, two = "file_" + "1" * 32, "file_" + "2" * 32
    args = {"a": one, "b": ["x", {"c": two}], "d": f"see {one}", "e": 1}
    assert list(files.named_in(args)) == [("/a", one), ("/b/1/c", two)]
