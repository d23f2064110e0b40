"""The linter for prose, `docs/prose.py`: each rule finds a bad example and passes a good one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "prose.py"
spec = importlib.util.spec_from_file_location("prose", SCRIPT)
assert spec is not None
assert spec.loader is not None
prose = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prose)

LONG = "\n".join(["word"] * 36)


def found(folder: Path, name: str, text: str) -> list[tuple[int, str]]:
    """Line and phrase of each finding."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [(line, phrase) for line, phrase, _ in prose.findings(path)]


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("A plugin is told.", "The monitor receives the progress."),
        ("It tells them apart.", "It distinguishes them."),
        ("It lies beside it.", "Put it beside your recipe."),
        ("Both are read alike.", "Both are read the same way; likely."),
        ("It was mended.", "It was amended."),
        ("Nobody says how.", "Nobody knows how."),
        ("What there is of it is read.", "There is a file."),
        ("It hands on the frames.", "A list kept by hand, a hands-on page."),
        ("So it is.", "So it is refused."),
        ("Channels that come out.", "The outcome is a table."),
        ("What it is given is kept.", "The value is given in pixels."),
        ("The key that goes with it.", "It goes without a key."),
        ("It is left alone.", "The model alone is trained."),
        ("A run that is there.", "A run that is in the folder."),
        ("It is said in one place.", "It is in one place."),
        ("Say which one.", "The error names it."),
        ("It has a folder of its own.", "Layers count parameters of its own module."),
        ("A file is at hand.", "The file exists."),
        ("It stays as it is.", "It runs as it is installed."),
        ("It reads what lies\nbelow.", "The folder lies below."),
        ("What came of it is printed.", "The result is printed."),
        ("It makes up for it.", "It makes up a name."),
        ("This is no run.", "There is no run. It is no longer there. It is no worse."),
        ("There is no such key.", "No such file or directory."),
        ("It has none to give.", "The paper has none."),
        ("A recipe asks for it.", "It is a task."),
        ("Training goes on.", "A switch turns it on."),
        ("It begins anew.", "A new one."),
        ("It takes over the stage.", "The mean is taken over windows."),
        ("Scores are judged.", "Scores are evaluated."),
        ("The second leg.", "A legend, a legal value."),
        ("It is rehearsed.", "A dry run."),
        ("The schooling ends.", "School, scholar."),
        ("The footage is read.", "The foot of the page."),
        ("Foreign scores.", "External scores."),
        ("Each place in a window.", "In place of the old file."),
        ("Frames beyond the end.", "Nothing goes beyond."),
        ("The file is whole.", "The whole video has whole numbers. They are whole numbers."),
        ("It wants a number.", "Do what you want."),
        ("A video whose labels fail.", "Who's there?"),
        ("In it stand the keys.", "The keys are in it."),
        ("Keys stand in the recipe.", "A neighbour stands in for it. It stands for a share."),
        ("Keys of a line mark.", "A pytest mark, a mark of quality."),
        ("It is to be had.", "It is to be read."),
        ("It takes for granted that.", "Access is granted."),
        (LONG + ".", "Word.\n" * 36),
        ("One; two; three.", "One; two. Three; four."),
    ],
)
def test_a_rule_finds_the_bad_and_passes_the_good(bad: str, good: str, tmp_path: Path) -> None:
    assert len(found(tmp_path, "bad.md", bad)) == 1
    assert found(tmp_path, "good.md", good) == []


def test_every_phrase_has_an_example() -> None:
    marks = test_a_rule_finds_the_bad_and_passes_the_good.pytestmark  # pyright: ignore[reportFunctionMemberAccess]
    examples = [bad for bad, _ in marks[0].args[1]]
    unseen = [pattern.pattern for pattern, _ in prose.PHRASES if not any(pattern.search(text) for text in examples)]
    assert unseen == []


def test_markdown_skips_code_and_generated_blocks(tmp_path: Path) -> None:
    text = f"""# Title

`judged` and [judge](judge.md) are read as prose only in the second.

```python
judge = "{"x" * 120}"
```

    judge this

- item

    of the list: judged

<!-- [[[cog
cog.out("judge")
]]] -->

judged {"x " * 60}

<!-- [[[end]]] -->

| judged | {"x" * 120} |

[{"link " * 20}](https://example.org/{"x" * 80})

{"x" * 101}
"""
    assert found(tmp_path, "page.md", text) == [
        (3, "judge"),
        (13, "judged"),
        (23, "judged"),
        (27, "x" * 40 + "..."),
    ]


def test_python_docstrings_comments_and_messages(tmp_path: Path) -> None:
    text = f'''"""Module.

Judged on the third line.

Example:
    >>> judge(1)
    judged
"""

judge = "judged"  # judged
# A comment over two lines is
# told of once.
code = """
judge = 1
"""


def read(path: str) -> str:
    """Read.

    Args:
        path: {" ".join(["word"] * 20)}
        other: {" ".join(["word"] * 20)}
    """
    if path:
        raise ValueError(f"{{path}} is no "
            f"file, but {{'the one that is judged'!r}}; and {{read}}; so on")
    return path
'''
    assert found(tmp_path, "module.py", text) == [
        (3, "Judged"),
        (10, "judged"),
        (11, "is told"),
        (12, "told of"),
        (26, "is no"),
        (26, "x is no file, but ..."),
        (27, "judged"),
    ]


def test_yaml_comments_and_templates(tmp_path: Path) -> None:
    text = "# Judged\n# by hand.\nkey: judged  # judged\nname: a#judge\n"
    assert found(tmp_path, "recipe.yaml.txt", text) == [(1, "Judged"), (3, "judged")]
    assert found(tmp_path, "part.py.txt", 'class $name:\n    """A $kind that is judged."""\n') == [(2, "judged")]


def test_the_script_prints_and_fails(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("It is judged.\n", encoding="utf-8")
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == f'{tmp_path}/page.md:1: judged: write "evaluate"\n'
    (tmp_path / "page.md").write_text("It is evaluated.\n", encoding="utf-8")
    assert subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, check=False).returncode == 0
