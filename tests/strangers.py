"""Plugins that misbehave, as a site-packages folder would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HEAD = "from vadkit.api import Component, hookimpl\n"


def announcing(body: str) -> str:
    """A module whose hook has this body."""
    return f"{HEAD}@hookimpl\ndef vadkit_components():\n    {body}\n"


def install(site: Path, name: str, code: str, *, version: str = "1.0", group: str = "vadkit.v1") -> None:
    """A distribution `NAME-dist` with one module and one entry point of the same name."""
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(code, encoding="utf-8")
    write_metadata(site, f"{name}-dist", version, f"[{group}]\n{name} = {module}\n")


def write_metadata(site: Path, distribution: str, version: str, entry_points: str) -> None:
    """The dist-info folder that pip would write."""
    folder = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    (folder / "METADATA").write_text(text, encoding="utf-8")
    (folder / "entry_points.txt").write_text(entry_points, encoding="utf-8")


GOOD = announcing("return [Component('density', 'fine', 'fine:Fine', 'Works.')]") + (
    "from vadkit.api import DensityModel\n"
    "class Fine(DensityModel):\n    def __init__(self, feature, *, width: int = 1): ...\n"
)
BAD: Mapping[str, tuple[str, str]] = {
    "raises": ("raise RuntimeError('no [bold] luck')", "RuntimeError: no [bold] luck (raises.py:1)"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3 (leaves.py:1)"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt (interrupts.py:1)"),
    "based": ("class Odd(BaseException): ...\nraise Odd('x')", "Odd: x (based.py:2)"),
    "mute": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "Mute: (its message cannot be shown)",
    ),
    "hangs": (
        "import time\nwhile True:\n    try: time.sleep(60)\n    except Exception: pass",
        "did not finish within 3 seconds",
    ),
    "endless": (announcing("while True: yield Component('density', 'd', 'm:D', '')"), "10000 components or more"),
    "unparsable": ("def (", "SyntaxError"),
    "lost": ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    "none-at-all": (announcing("return 3"), "vadkit_components returns 3, not a list of Components"),
    "texts": (announcing("return 'glow'"), "vadkit_components returns the string 'glow', not a list of Components"),
    "strings": (announcing("return ['glow']"), "announces 'glow', which is not a Component"),
    "unkind": (announcing("return [Component('flow', 'a', 'm:A', '')]"), "component 'a': unknown kind 'flow'"),
    "listy": (announcing("return [Component([], 'a', 'm:A', '')]"), "component 'a': its kind is [], not a string"),
    "halfway": (
        announcing("yield Component('density', 'a', 'm:A', '')\n    raise OSError('gone')"),
        "OSError: gone (halfway.py:5)",
    ),
    "misspelt": (
        f"{HEAD}@hookimpl\ndef vadkit_component(): return []\n",
        "implements the hook 'vadkit_component', which does not exist: did you mean 'vadkit_components'?",
    ),
    "unmarked": (
        f"{HEAD}def vadkit_components(): return []\n",
        "module 'unmarked': vadkit_components is not marked as a hook -> write @hookimpl of vadkit.api above it",
    ),
    "renamed": (
        f"{HEAD}def vadkit_component(): return []\n",
        "module 'renamed': defines no hook vadkit_components -> it has 'vadkit_component': rename it, and write @hook",
    ),
    "unready": (announcing("return [object.__new__(Component)]"), "AttributeError"),
}
"""Plugin -> its module, and what is said of it."""
