"""Detection of truncated files: sizes that FFmpeg wrote, and files cut by a known number of bytes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from filmed import noise, write

from vadkit.video.truncation import missing_bytes

FORMS = [
    ("a.avi", "mpeg4", ""),
    ("a.mp4", "libx264", ""),
    ("a.mp4", "libx264", "+faststart"),
    ("a.mp4", "libx264", "frag_keyframe+empty_moov"),
    ("a.mov", "mpeg4", ""),
    ("a.mkv", "libx264", ""),
    ("a.webm", "libvpx", ""),
    ("a.wmv", "wmv2", ""),
    ("a.ts", "mpeg2video", ""),
    ("a.m2ts", "mpeg2video", ""),
]


@pytest.mark.parametrize(("name", "codec", "movflags"), FORMS)
def test_a_complete_file_lacks_no_bytes_and_a_cut_one_lacks_those_that_were_cut(
    tmp_path: Path, name: str, codec: str, movflags: str
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg cannot write {codec}")
    path = write(tmp_path / name, noise(30), codec, movflags=movflags)
    content = path.read_bytes()
    assert missing_bytes(path) == 0
    for cut in (1, 100, len(content) // 3):
        path.write_bytes(content[:-cut])
        if name.endswith("ts"):  # whole packets are known alone
            assert missing_bytes(path) == cut % (192 if name == "a.m2ts" else 188)
        elif movflags.startswith("frag") or (name.endswith(("mp4", "mov")) and not movflags):
            # Of the last box that is there: what lay behind it, such as the index, is not known of.
            assert 0 < missing_bytes(path) <= cut
        else:
            assert missing_bytes(path) == cut


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\x47", "one byte"),
        (b"no video at all" * 100, "text"),
        (b"RIFF\0\0\0\0AVI " + bytes(50), "AVI whose size was never filled in"),
        (b"RIFF\x14\0\0\0AVI " + bytes(16) + b"appended" * 9, "AVI and something behind it"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\0mdat" + bytes(50), "MP4 whose last box ends with the file"),
        (b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(9), "Matroska, written live"),
        (b"\x1a\x45\xdf\xa3", "Matroska, header alone"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(50), "ASF without properties"),
        (b"\x00\x00\x01\xba" + bytes(300), "MPEG program stream"),
    ],
)
def test_a_file_without_a_stated_size_lacks_no_bytes(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert missing_bytes(tmp_path / "file") == 0, why
    assert missing_bytes(tmp_path / "gone") == 0


def test_sizes_of_64_bits_and_several_parts(tmp_path: Path) -> None:
    """A box with a 64-bit size, and an AVI in two parts with a truncated second part."""
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x08free" + b"\0\0\0\x01mdat" + (1 << 33).to_bytes(8, "big") + bytes(20))
    assert missing_bytes(tmp_path / "a.mp4") == 8 + (1 << 33) - 44
    (tmp_path / "a.avi").write_bytes(b"RIFF\x05\0\0\0AVI \0\0" + b"RIFF\x20\0\0\0AVIX" + bytes(4))
    assert missing_bytes(tmp_path / "a.avi") == 24
