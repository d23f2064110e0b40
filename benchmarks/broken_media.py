"""Makes broken videos and images, and decodes each in a separate process: none may crash, hang or leak.

    python benchmarks/broken_media.py                  # 240 files
    python benchmarks/broken_media.py --files 40
    python benchmarks/broken_media.py --keep DIR       # keep the files

Valid files in several codecs and formats are damaged: bits are flipped, parts are cut out, repeated or overwritten,
and numbers in headers are replaced by others, so that sizes and lengths lie. Allowed results are frames, with or
without a report of damage, and one error message. Not allowed: another exception, a signal, more than 30 seconds of
processor time, and more than 1 GiB of memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from filmed import noise, write

SECONDS, MEMORY = 30, 2**30
_DECODE = """
import json, resource, sys
from pathlib import Path
from vadkit.core.errors import VadkitError
from vadkit.core.values import VideoRef
from vadkit.video.damage import Damages
from vadkit.video.images import images
from vadkit.video.video_file import pictures

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in json.load(sys.stdin):
    path, damages = Path(name), Damages()
    read = (lambda: images((path, path), "rgb", damages)) if path.suffix in (".png", ".jpg", ".tif", ".bmp") else (
        lambda: pictures(path, damages))
    try:
        result = f"{sum(1 for _ in read())} frames"
        result = "frames, damage reported" if damages.found else "frames"
    except VadkitError as error:
        result = "refused"
        assert str(path) in str(error), error
    print(json.dumps([name, result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]), flush=True)
"""


def flip(data: bytearray, chance: random.Random) -> None:
    """Flip 1 to 200 bits."""
    for _ in range(chance.choice((1, 3, 20, 200))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    """Cut off the end."""
    del data[chance.randrange(len(data)) :]


def drop(data: bytearray, chance: random.Random) -> None:
    """Cut out a part."""
    start = chance.randrange(len(data))
    del data[start : start + chance.randrange(1, 4096)]


def repeat(data: bytearray, chance: random.Random) -> None:
    """Repeat a part."""
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randrange(1, 4096)]


def lie(data: bytearray, chance: random.Random) -> None:
    """Replace a number in the header or in the index at the end by an extreme one."""
    for _ in range(chance.randint(1, 4)):
        near = min(len(data) - 8, 600)
        start = chance.choice((chance.randrange(near), len(data) - 8 - chance.randrange(near)))
        value = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000, 0xFFFF))
        data[start : start + 4] = value.to_bytes(4, chance.choice(("big", "little")))


def overwrite(data: bytearray, chance: random.Random) -> None:
    """Overwrite a part with zeros or noise."""
    start, length = chance.randrange(len(data)), chance.randrange(1, 2048)
    part = data[start : start + length]
    data[start : start + length] = bytes(len(part)) if chance.random() < 0.5 else chance.randbytes(len(part))


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, cut, drop, repeat, lie, overwrite)


def valid(folder: Path) -> list[Path]:
    """Valid files."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    frames = noise(20)
    forms = (("a.mp4", "mpeg4"), ("b.avi", "mpeg4"), ("c.mp4", "libx264"), ("d.mkv", "libx264"), ("e.avi", "mjpeg"))
    made = [write(folder / name, frames, codec, "yuvj420p" if codec == "mjpeg" else "yuv420p") for name, codec in forms]
    made.append(write(folder / "f.ts", frames, "mpeg2video"))
    for suffix in ("png", "jpg", "tif", "bmp"):
        made.append(folder / f"g.{suffix}")
        Image.fromarray(np.ascontiguousarray(frames[0])).save(made[-1])
    return made


def corpus(folder: Path, files: int, seed: int = 0) -> list[Path]:
    """Damaged files, each from a valid one by one or two kinds of damage."""
    chance, sources, made = random.Random(seed), valid(folder / "valid"), list[Path]()
    for number in range(files):
        source = sources[number % len(sources)]
        data, kinds = bytearray(source.read_bytes()), chance.sample(DAMAGES, chance.choice((1, 1, 2)))
        for damage in kinds:
            if data:
                damage(data, chance)
        made.append(folder / f"{number:04}_{'_'.join(kind.__name__ for kind in kinds)}{source.suffix}")
        made[-1].write_bytes(data)
    return made


def decode_all(paths: list[Path]) -> tuple[Counter[str], list[str], int]:
    """Decode the files in child processes.

    Returns:
        Counts of results, faults, and the largest memory in KiB that decoding needed.
    """

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS * 4, SECONDS * 4))

    counts, faults, most, left = Counter[str](), list[str](), 0, [str(path) for path in paths]
    while left:
        batch, left = left[:40], left[40:]
        command = [sys.executable, "-W", "ignore", "-c", _DECODE]
        done = subprocess.run(
            command, input=json.dumps(batch), capture_output=True, text=True, preexec_fn=limits, check=False
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for _, result, memory in lines:
            counts[result] += 1
            most = max(most, memory)
        if done.returncode:
            faults.append(f"{batch[len(lines)]}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
            left = batch[len(lines) + 1 :] + left
    if most * 1024 > MEMORY:
        faults.append(f"decoding needed {most // 1024} MiB")
    return counts, faults, most


def main() -> None:
    """Make the files, decode them, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, faults, most = decode_all(corpus(arguments.keep or Path(folder), arguments.files, arguments.seed))
    print(f"{sum(counts.values())} files, at most {most / 1024:.0f} MiB more than at the start")
    for result, count in counts.most_common():
        print(f"{count:5}  {result}")
    for fault in faults:
        print("FAULT", fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
