"""Fuzzes the readers of files that come from other people: recipes, labels, and scores.

    python benchmarks/fuzz.py recipe --runs 1000000           # with atheris (coverage-guided), if it is installed
    python benchmarks/fuzz.py labels --runs 1000000
    python benchmarks/fuzz.py scores --runs 1000000
    python benchmarks/fuzz.py scores --runs 20000 --plain     # random mutations of valid files

A reader may return, or raise a VadkitError. Everything else is a fault: another exception, a warning, more than
2 GiB of memory, more than 10 seconds of the processor, or no answer after two minutes. The program prints the input of
each fault. If the process itself crashes, atheris writes the input to a file `crash-...` in the current folder.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_LONGEST = {"recipe": 256, "labels": 1024, "scores": 1024}  # bytes of an input
_SLOW = 10.0  # seconds of the processor
_FRAMES = 100_000  # labels of more frames are not expanded


@contextlib.contextmanager
def imported(instrument: bool) -> Iterator[None]:
    """Import the readers within this context, so that atheris sees which of their branches run."""
    if not instrument:
        yield
        return
    import atheris  # pyright: ignore[reportMissingModuleSource]

    with atheris.instrument_imports(include=["vadkit"]):  # pyright: ignore[reportAttributeAccessIssue]
        yield


def read_recipe(registry: Any) -> Callable[[bytes, Path], object]:
    """A reader of recipes. The first byte chooses: a file with its parents, YAML and all checks, or YAML alone."""
    from vadkit.recipe.loading import load, loads
    from vadkit.recipe.source import parse

    def recipe(data: bytes, folder: Path) -> object:
        if data[0] % 64 == 1:
            path = folder / "input.yaml"
            path.write_bytes(data[1:])
            return load(path, registry=registry)
        text = data[1:].decode("utf-8", "replace")
        return loads(text, registry=registry) if data[0] % 4 == 0 else parse(text, "recipe")

    return recipe


def keep_components() -> None:
    """Describe each component and read each recipe of the library once in this process, not for each input."""
    from vadkit.recipe import grammar, merge, validation

    keys, read, known, parents = grammar.component_keys, merge.read, {}, functools.cache(merge.read)

    def component_keys(signature: Any, structural: Any = ()) -> Any:
        at = (signature.component, *structural)
        if at not in known:
            known[at] = keys(signature, structural)
        return known[at]

    validation.describe, grammar.component_keys = functools.cache(validation.describe), component_keys
    merge.read = lambda path: read(path) if path.name == "input.yaml" else parents(path)


def read_labels() -> Callable[[bytes, Path], object]:
    """A reader of label files. The first byte chooses the form."""
    from vadkit.store.external.labels import read_label_file

    forms = (".csv", ".json", ".npz", ".npy", ".txt", ".tsv", ".jsonl", ".mat", ".m")

    def labels(data: bytes, folder: Path) -> object:
        path = folder / f"labels{forms[data[0] % len(forms)]}"
        path.write_bytes(data[1:])
        found = read_label_file(path, "v")
        return [one.frames(length, 25.0) for one in found.values() if (length := one.length() or 100) <= _FRAMES]

    return labels


def read_scores() -> Callable[[bytes, Path], object]:
    """A reader of score files, of vadkit and of others. The first byte chooses the form."""
    from vadkit.store.external.scores import read_external_scores
    from vadkit.store.scores import read_score_file

    forms = (".csv", ".json", ".npz", ".npy", ".txt", ".tsv", ".jsonl", ".own.npz")

    def scores(data: bytes, folder: Path) -> object:
        form = forms[data[0] % len(forms)]
        path = folder / f"scores{form}"
        path.write_bytes(data[1:])
        return read_score_file(path) if ".own" in form else read_external_scores(path, {"a": 3, "b": 2})

    return scores


def seeds(target: str) -> list[bytes]:
    """Valid inputs."""
    return {"recipe": _recipe_seeds, "labels": _label_seeds, "scores": _score_seeds}[target]()


def _recipe_seeds() -> list[bytes]:
    head = (
        "vadkit: 1\nname: a\ndata: {use: walkway, clip: {frames: 2, size: [8, 8]}}\nevaluate: {metrics: [micro_auc]}\n"
    )
    sections = (
        "scores: {e: motion_energy}\nfuse:\n  e: {weight: 1.5, transform: [minmax]}\n",
        "scores: {e: {use: nll, densities: [d]}}\ndensities: {d: {use: knn, feature: frames}}\n",
        "scores: {e: motion_energy}\nengine: {precision: bf16, devices: 1}\nreport: [json, {use: html}]\nseed: 0x1f\n",
        "scores: {e: psnr}\nmodel: {encoder: stae, decoder: stae, losses: [l2], fit: {steps: 3, batch_size: 1,"
        " optimizer: adam}}\n",
    )
    wholes = (
        "vadkit: 1\nextends: quickstart\nevaluate: {protocol: {use: ffp, eer: nearest}, metrics: ['eer']}\n",
        "vadkit: 1\nextends: quickstart\nmodel: {fit: {steps: 1e3}}\nscores: {static: null}\n",
        "vadkit: 1\nextends: quickstart\nrequires: {vadkit: '>=0.1'}\nvariants:\n  b: {seed: 2}\n",
    )
    checked = [b"\x00" + (head + section).encode() for section in sections]
    return [*checked, *(bytes([form]) + text.encode() for text in wholes for form in (1, 2))]


def _npz(**arrays: Any) -> bytes:
    import numpy as np

    into = io.BytesIO()
    np.savez(into, allow_pickle=False, **arrays)
    return into.getvalue()


def _npy(values: Any) -> bytes:
    import numpy as np

    into = io.BytesIO()
    np.save(into, np.array(values))
    return into.getvalue()


def _label_seeds() -> list[bytes]:
    import numpy as np
    import scipy.io

    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = np.array([[2], [5]]), np.array([[1, 7], [3, 9]])
    matlab = io.BytesIO()
    scipy.io.savemat(matlab, {"gt": cell})
    forms: dict[int, list[bytes]] = {
        0: [
            b"video,start_frame,end_frame\na,2,4\n",
            b"video,frame,label\na,0,1\na,1,0\n",
            b"video,start,end\na,0.5,1\n",
        ],
        1: [
            b'{"a": [[2, 4]], "b": []}',
            b'{"a": {"frames": 9, "fps": 25, "intervals": [[0, 3]]}}',
            b'{"a": [0, 1, 1]}',
        ],
        2: [_npz(a=np.array([0, 1, 1]), b=np.zeros(4, bool))],
        3: [_npy([0, 1, 1])],
        4: [b"0\n1\n1\n", b"a 2 4\n"],
        5: [b"video\tstart_frame\tend_frame\na\t2\t4\n"],
        6: [b'{"video": "a", "start_frame": 2, "end_frame": 4}\n'],
        7: [matlab.getvalue()],
        8: [b"TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [61:180];\n"],
    }
    return [bytes([form]) + content for form, contents in forms.items() for content in contents]


def _score_seeds() -> list[bytes]:
    import numpy as np

    own = {"kind": np.array("vadkit scores"), "version": np.array(1), "name": np.array("a"), "scene": np.array("")}
    own |= {"fps": np.array(25.0), "coverage": np.ones(3, int), "component/r": np.arange(3.0)}
    forms: dict[int, list[bytes]] = {
        0: [b"video,frame,score\na,0,1\na,1,2\na,2,3\nb,0,1\nb,1,nan\n", b"1\n2\n3\n4\n5\n"],
        1: [b'{"a": [1, 2, 3], "b": [4, 5]}', b"[1, 2, 3, 4, 5]"],
        2: [_npz(a=np.arange(3.0), b=np.arange(2.0))],
        3: [_npy([1.0, 2.0, 3.0, 4.0, 5.0])],
        4: [b"1\n2\n3\n4\n5\n"],
        5: [b"video\tscore\na\t1\na\t2\na\t3\nb\t4\nb\t5\n"],
        6: [b'{"video": "a", "frame": 0, "score": 1}\n'],
        7: [_npz(**own)],
    }
    return [bytes([form]) + content for form, contents in forms.items() for content in contents]


def mutate(data: bytes, chance: random.Random, longest: int) -> bytes:
    """Change a few bytes: flip, delete, repeat, insert, or replace by a number that readers stumble over."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(changed) + 1), chance.randint(1, 16)
        what = chance.randrange(6)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del changed[at : at + length]
        elif what == 2:
            changed[at:at] = changed[at : at + length]
        elif what == 3:
            changed[at:at] = chance.choice(
                (b"nan", b"-1", b"1e999", b"9" * 30, b"\x00", b"\xff\xfe", b"[", b"{", b"&a", b"*a")
            )
        elif what == 4:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        else:
            changed = changed[:at]
    return bytes(changed[:longest]) or b"\x00"


def build(target: str) -> Callable[[bytes, Path], object]:
    """The reader with the name `recipe`, `labels` or `scores`."""
    if target == "recipe":
        from vadkit.plugin.registry import Registry

        return read_recipe(Registry.discover())
    return {"labels": read_labels, "scores": read_scores}[target]()


def tried(reader: Callable[[bytes, Path], object], data: bytes, folder: Path) -> bool:
    """Whether the reader accepts the input. Errors other than VadkitError are raised."""
    from vadkit.core.errors import VadkitError

    try:
        reader(data or b"\x00", folder)
    except VadkitError:
        return False
    return True


def plain(target: str, runs: int, folder: Path, seed: int = 0) -> Mapping[str, float]:
    """Run the reader on mutations of valid files, in this process.

    Returns:
        Counts of inputs and of accepted inputs, and the longest time in seconds.
    """
    reader, chance, known = build(target), random.Random(seed), seeds(target)
    accepted, longest = 0, 0.0
    for _ in range(runs):
        data = mutate(chance.choice(known), chance, _LONGEST[target])
        began = time.perf_counter()
        try:
            accepted += tried(reader, data, folder)
        except Exception as error:
            raise AssertionError(f"{target}: {type(error).__name__}: {error} for {data!r}") from error
        longest = max(longest, time.perf_counter() - began)
    return {"runs": runs, "accepted": accepted, "longest": longest}


def guided(target: str, runs: int, folder: Path) -> None:
    """Run the reader with atheris, which ends the process."""
    import atheris  # pyright: ignore[reportMissingModuleSource]

    with imported(True):
        reader = build(target)
        keep_components()
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds(target)):
        (corpus / str(number)).write_bytes(content)

    known: set[str] = set()

    def one(data: bytes) -> None:
        began = time.process_time()
        try:
            tried(reader, data, folder)
            if time.process_time() - began > _SLOW:
                raise TimeoutError(f"took more than {_SLOW} seconds")
        except Exception as error:  # print each fault once, and continue
            *_, last = traceback.extract_tb(error.__traceback__)
            place = f"{type(error).__name__} at {last.filename}:{last.lineno}"
            if place not in known:
                known.add(place)
                print(f"FAULT {place}: {error} for {data!r}", flush=True)

    options = [
        f"-runs={runs}",
        f"-max_len={_LONGEST[target]}",
        "-timeout=120",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz one reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["recipe", "labels", "scores"])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 (a new folder in it)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        if arguments.plain:
            print(plain(arguments.target, arguments.runs, Path(folder)))
        else:
            guided(arguments.target, arguments.runs, Path(folder))


if __name__ == "__main__":
    main()
