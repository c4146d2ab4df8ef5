"""Inputs that ask for much memory. Each parser runs in a process with a limit."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from ctxstore.errors import Corrupt
from ctxstore.packs.format import (
    CODEC_ZSTD,
    FRAME_HEADER,
    MAX_FRAME_RAW,
    FrameHeader,
    encode_frame_header,
    frame_check,
)
from ctxstore.packs.frames import unpack_frame
from tests.fuzz.mutations import bombs
from tests.fuzz.parsers import PARSERS

LIMIT = 512 << 20
ROOT = Path(__file__).parent.parent.parent


def run_limited(name):
    """Runs this module as a program with little memory. The program runs the case of this name."""
    arguments = [sys.executable, "-m", "tests.fuzz.test_memory", name]
    return subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize("name", ["bombs", "frames"])
def test_bombs_fit_into_little_memory(name):
    done = run_limited(name)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stdout)


def throw_bombs():
    count = 0
    for parser in PARSERS:
        for name, data in bombs():
            try:
                parser.parse(parser.seal(data))
            except Corrupt as error:
                cause = error.__cause__
                assert not isinstance(cause, MemoryError), (parser.name, name)
            except Exception as error:
                if not type(error).__module__.startswith("ctxstore."):
                    raise AssertionError((parser.name, name)) from error
            count += 1
    print(count, "bombs")


def frame(payload, raw):
    header = FrameHeader(CODEC_ZSTD, 0, True, raw, len(payload), 1, b"")
    return encode_frame_header(header._replace(check=frame_check(header, payload))) + payload


def large_zeros():
    """Compresses 300 MiB of zeros into a few kilobytes, with an honest size."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=300 << 20)
    return b"".join([compressor.compress(bytes(1 << 20)) for _ in range(300)]) + compressor.flush()


def zstd_bombs():
    """Yields the (bytes, size in the header) of payloads whose header and content disagree."""
    zeros = large_zeros()
    for raw in (0, 1, 100, 1 << 20, MAX_FRAME_RAW):
        yield zeros, raw
    unsized = zstandard.ZstdCompressor(level=1, write_content_size=False).compress(bytes(32 << 20))
    yield unsized, 1000
    yield unsized, 32 << 20
    magic = b"\x28\xb5\x2f\xfd"
    for size in (100, MAX_FRAME_RAW, 2**40, 2**64 - 1):
        # A header with an eight-byte content size, in one segment or with a window of up to 3.75 TB, and no blocks.
        yield magic + b"\xe0" + size.to_bytes(8, "little"), min(size, MAX_FRAME_RAW)
        for window in (0x00, 0x80, 0xF8, 0xFF):
            yield magic + b"\xc0" + bytes([window]) + size.to_bytes(8, "little") + b"\x01\0\0", min(size, MAX_FRAME_RAW)
    whole = zstandard.ZstdCompressor().compress(b"text" * 100)
    yield whole + whole, 400
    yield whole + b"\0", 400
    yield whole[:-1], 400


def throw_frames():
    count = 0
    for payload, raw in zstd_bombs():
        try:
            unpack_frame(frame(payload, raw))
        except Corrupt:
            count += 1
            continue
        raise AssertionError((len(payload), raw))
    header = FrameHeader(CODEC_ZSTD, 0, True, MAX_FRAME_RAW, 1 << 20, 0, b"c" * 12)
    try:
        unpack_frame(encode_frame_header(header) + bytes(FRAME_HEADER))
    except Corrupt:
        print(count + 1, "frames")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    {"bombs": throw_bombs, "frames": throw_frames}[sys.argv[1]]()
