"""Draws the rooms of vadkit and their imports: `python docs/house.py [--check]`.

The floors come from the layers contract in `pyproject.toml`, the arrows from the imports. `images/house.json` holds
the rooms and arrows of the picture. `--check` fails if they no longer match the code.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PICTURE, DATA = (ROOT / "docs" / "images" / name for name in ("house.svg", "house.json"))
Arrows = Mapping[str, Sequence[str]]

ROOMS = {
    "cli": (4.9, "the command line"),
    "live": (4.9, "a stream, scored frame by frame"),
    "engine": (7.0, "runs the stages; resume, sweeps"),
    "testing": (10.8, "the conformance kit"),
    "evaluation": (2.2, "scores and labels to numbers"),
    "model": (6.45, "the autoencoder and densities"),
    "api": (10.8, "everything that a plugin imports"),
    "data": (2.2, "a data set as clips"),
    "store": (6.1, "run folder, score files, labels"),
    "recipe": (2.2, "YAML to objects, with all checks"),
    "report": (10.2, "pages about results"),
    "plugin": (2.2, "discovery and registry"),
    "video": (10.2, "decoding, frame cache, clips"),
    "core": (6.1, "values, contracts, protocol, errors"),
}
"""Room -> x of its centre, and its purpose."""
WIDTH, HEIGHT, FLOOR = 3.65, 0.9, 1.4


def floors() -> list[list[str]]:
    """Rooms by floor, the lowest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [layer.split(" | ") for layer in reversed(layers)]


def arrows() -> dict[str, list[str]]:
    """Room -> rooms that it imports. Imports for type checkers alone do not count."""
    import grimp

    graph = grimp.build_graph("vadkit", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {room: set() for floor in floors() for room in floor}
    for module in graph.modules - {"vadkit", "vadkit.__main__"}:
        room = _room(module)
        found[room] |= {_room(other) for other in graph.find_modules_directly_imported_by(module)} - {room}
    return {room: sorted(others) for room, others in found.items()}


def _room(module: str) -> str:
    return module.split(".")[1]


def direct(found: Arrows) -> list[tuple[str, str]]:
    """The arrows that do not follow from two or more others."""

    def below(room: str) -> set[str]:
        return set(found[room]).union(*map(below, found[room]))

    return [(a, b) for a in found for b in found[a] if not any(b in below(other) for other in found[a])]


def data() -> dict[str, Any]:
    """Rooms by floor and arrows, as they are in the code."""
    return {"floors": floors(), "arrows": arrows()}


def parts(room: str) -> str:
    """Number of lines of a room, to the nearest ten, and the names of its packages."""
    path = ROOT / "vadkit" / room
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in path.rglob("*.py"))
    inner = sorted(file.parent.name for file in path.glob("*/__init__.py"))
    return ", ".join([f"{round(lines, -1):,} lines", *inner])


def draw() -> None:
    """Write the picture and its data."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    plt.rcParams.update({"svg.hashsalt": "vadkit", "font.family": "DejaVu Sans"})
    found = data()
    figure, axes = plt.subplots(figsize=(8.4, 8), facecolor="white")
    axes.set(xlim=(-0.4, 12.8), ylim=(-0.3, FLOOR * len(found["floors"])), aspect="equal")
    axes.axis("off")
    centres = {}
    for number, rooms in enumerate(found["floors"]):
        axes.axhspan(FLOOR * number - 0.27, FLOOR * number + HEIGHT + 0.27, color="#f5f6f8" if number % 2 else "white")
        axes.text(0, FLOOR * number + HEIGHT / 2, str(number + 1), color="#6b7280", size=13, va="center", ha="center")
        for room in rooms:
            x, purpose = ROOMS[room]
            middle = FLOOR * number + HEIGHT / 2
            centres[room] = (x, middle)
            corner = (x - WIDTH / 2, middle - HEIGHT / 2)
            box = FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0,rounding_size=0.1", fc="#e8f0fb", ec="#2f5d9b")
            axes.add_patch(box)
            axes.text(x, middle + 0.25, f"{room}/", weight="bold", size=10, va="center", ha="center")
            axes.text(x, middle, purpose, size=7, va="center", ha="center")
            axes.text(x, middle - 0.25, parts(room), size=6.2, color="#4b5563", va="center", ha="center")
    for upper, lower in direct(found["arrows"]):
        (x0, y0), (x1, y1) = centres[upper], centres[lower]
        lean = max(-1.3, min(1.3, (x1 - x0) * 0.4))  # leave and enter a box on the side of the other
        ends = (x0 + lean, y0 - HEIGHT / 2), (x1 - lean / 2, y1 + HEIGHT / 2)
        axes.add_patch(
            FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=10, color="#b45309", shrinkA=0, shrinkB=0)
        )
    figure.savefig(PICTURE, bbox_inches="tight", pad_inches=0.1, metadata={"Date": None})
    DATA.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw docs/images/house.svg from the imports of vadkit.")
    parser.add_argument("--check", action="store_true", help="only check that the picture matches the imports")
    if not parser.parse_args().check:
        draw()
    elif json.loads(DATA.read_text(encoding="utf-8")) != data():
        sys.exit("docs/images/house.svg does not match the imports. Run 'python docs/house.py'.")


if __name__ == "__main__":
    main()
