from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from vadkit.core.contracts import Encoder, Loss
from vadkit.core.errors import PluginError
from vadkit.plugin.component import Component
from vadkit.recipe import docstring
from vadkit.recipe.signature import MISSING, describe

ENC = Component("encoder", "enc", "made_up_parts:Enc", "The card's line.")
PAIR = Component("encoder", "pair", "made_up_parts:Pair", "Two encoders.")


def test_keys_types_defaults_and_help(parts: Path) -> None:
    found = describe(ENC)
    assert found.summary == "Clips to one latent."
    assert found.required == ["tau"]
    rows = {
        name: (key.annotation, key.type, key.default, key.default_text, key.help)
        for name, key in found.parameters.items()
    }
    assert rows == {
        "tau": (int, "int", MISSING, "", "frames between two samples of the slow path."),
        "width": (int, "int", 64, "WIDTH", "channels."),
        "ratios": (tuple[float, float], "tuple[float, float]", (0.5, 0.5), "(0.5, 0.5)", "share of each."),
        "steps": (tuple[int, ...] | int, "tuple[int, ...] | int", 1, "1", ""),
        "norm": (Literal["l1", "l2"], "Literal['l1', 'l2']", "l1", "'l1'", ""),
        "share": (Mapping[str, int] | None, "Mapping[str, int] | None", None, "None", ""),
    }
    assert "made_up_parts" not in sys.modules


def test_contracts_stand_for_nested_components(parts: Path) -> None:
    found = describe(PAIR)
    assert found.summary == "Two encoders."
    assert {name: key.annotation for name, key in found.parameters.items()} == {
        "first": Encoder,
        "rest": Sequence[Encoder],
        "named": Mapping[str, Loss] | None,
        "maybe": Encoder | None,
    }
    assert "made_up_parts" not in sys.modules


READABLE: dict[str, tuple[str, Any]] = {
    "optional": (
        "from typing import Optional\nclass X(Loss):\n  def __init__(self, *, a: Optional[int]): ...",
        int | None,
    ),
    "union": ("from typing import Union\nclass X(Loss):\n  def __init__(self, *, a: Union[int, str]): ...", int | str),
    "attribute": ("import typing as t\nclass X(Loss):\n  def __init__(self, *, a: t.Literal[1]): ...", Literal[1]),
    "no annotation": ("class X(Loss):\n  def __init__(self, *, a): ...", Any),
    "base in the module": ("class B(Loss):\n  def __init__(self, *, a: int): ...\nclass X(B): ...", int),
    "torch module": ("class X(Loss, nn.Module):\n  def __init__(self, *, a: int): ...", int),
    "only for type checking": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from pathlib import Path\n"
        "class X(Loss):\n  def __init__(self, *, a: 'Path'): ...",
        Path,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "annotation"), READABLE.values(), ids=READABLE)
def test_what_is_read_from_source(parts: Path, code: str, annotation: Any) -> None:
    parts.write_text(f"from vadkit.api import Loss\n{code}\n")
    found = describe(Component("loss", "x", "made_up_parts:X", ""))
    assert [key.annotation for key in found.parameters.values()] == [annotation]
    assert "made_up_parts" not in sys.modules


IMPORTED: dict[str, tuple[str, dict[str, Any]]] = {
    "made by a decorator": (
        "from dataclasses import dataclass\n@dataclass(kw_only=True)\nclass X(Loss):\n  a: int = 2\n"
        "  def forward(self, out): ...",
        {"a": (int, 2)},
    ),
    "a type known to Python only": (
        "def kind(): return int\nKind = kind()\nclass X(Loss):\n  def __init__(self, *, a: Kind = 3): ...\n"
        "  def forward(self, out): ...",
        {"a": (int, 3)},
    ),
    "a base of another module": (
        "from made_up_base import Base\nclass X(Base): ...",
        {"b": (str, "y")},
    ),
    "a name from elsewhere": ("from made_up_base import Other as X", {"c": (bool, True)}),
    "made by a call": ("from made_up_base import make\nX = make()", {"b": (str, "y")}),
}


@pytest.mark.parametrize(("code", "keys"), IMPORTED.values(), ids=IMPORTED)
def test_what_only_the_class_can_tell(
    parts: Path, monkeypatch: pytest.MonkeyPatch, code: str, keys: dict[str, Any]
) -> None:
    base = (
        "from vadkit.api import Loss\nclass Base(Loss):\n  def __init__(self, clip=None, *, b: str = 'y'): ...\n"
        "  def forward(self, out): ...\n"
        "class Other(Loss):\n  def __init__(self, *, c: bool = True): ...\n  def forward(self, out): ...\n"
        "def make(): return Base\n"
    )
    (parts.parent / "made_up_base.py").write_text(base)
    monkeypatch.delitem(sys.modules, "made_up_base", raising=False)
    parts.write_text(f"from vadkit.api import Loss\n{code}\n")
    found = describe(Component("loss", "x", "made_up_parts:X", ""))
    assert {name: (key.annotation, key.default) for name, key in found.parameters.items()} == keys
    sys.modules.pop("made_up_base", None)


REFUSED = {
    "class X(Loss):\n  def __init__(self, clip, **rest): ...": "its constructor takes **rest",
    "class X(Loss):\n  def __init__(self, clip, width: int = 4): ...": (
        "its constructor takes width by position, but vadkit passes clip\n"
        "  -> its author should put a '*' before 'width'"
    ),
    "import functools\n@functools.total_ordering\nclass X(Loss):\n  def __lt__(self, other): ...\n"
    "  def __init__(self, clip, a, b): ...": "its constructor takes a, b by position",
    "import functools\n@functools.total_ordering\nclass X(Loss):\n  def __lt__(self, other): ...\n"
    "  def __init__(self, **more): ...": "its constructor takes **more",
    "class X(Loss):\n  def __init__(self, *, a: Unknown): ...": (
        "the types of its constructor cannot be read: NameError"
        if sys.version_info >= (3, 14)  # which evaluates type hints later
        else "made_up_parts:X cannot be imported: NameError"
    ),
    "from __future__ import annotations\nfrom vadkit.api import Loss\nclass X(Loss):\n"
    "  def __init__(self, *, a: Unknown): ...": "the types of its constructor cannot be read: NameError",
    "from vadkit.api import Feature\nclass X(Feature):\n  def __init__(self, clip, latents): ...": (
        "made_up_parts:X is not a subclass of Loss\n  -> it is a Feature: its author should announce it as"
    ),
    "class Y: ...": "the module 'made_up_parts' has no class 'X'",
    "class X: ...\nX = X": "made_up_parts:X is not a subclass of Loss",
    "def": "made_up_parts:X cannot be imported: SyntaxError",
}


@pytest.mark.parametrize(("code", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_has_no_signature(parts: Path, code: str, message: str) -> None:
    head = "" if "__future__" in code else "from vadkit.api import Loss\n"
    parts.write_text(f"{head}{code}\n".replace("class X: ...\nX = X", "X = 3"))
    with pytest.raises(PluginError) as caught:
        describe(Component("loss", "x", "made_up_parts:X", ""))
    assert str(caught.value).startswith(f"loss 'x': {message}")


def test_nothing_of_the_module_is_run(parts: Path) -> None:
    mark = parts.parent / "ran"
    parts.write_text(
        f"from pathlib import Path\nfrom vadkit.api import Loss\nMARK = Path({str(mark)!r}).touch()\n"
        "class X(Loss):\n  def __init__(self, *, a: int = 1): ...\n"
    )
    assert describe(Component("loss", "x", "made_up_parts:X", "")).required == []
    assert not mark.exists()


def test_docstrings() -> None:
    text = """Summary over
        two lines.

        More.

        Args:
            one: the first,
                which goes on: here.
            two (int): the second.

        Raises:
            three: not a parameter.
        """
    assert docstring.summary(text) == "Summary over two lines."
    assert docstring.parameters(text) == {"one": "the first, which goes on: here.", "two": "the second."}
    assert docstring.parameters(None) == {}
    assert docstring.parameters("A.\n\nArgs:\n    **keys: any.\n    a, b: two.\n") == {"keys": "any."}
    assert docstring.parameters("A.\n\nArgs:\n    no colon\n    one: the first.\n") == {}
