"""A linter for prose: `python docs/prose.py [PATHS...]` reports what is not plain English.

It reads Markdown, the comments of YAML files, and docstrings, comments and messages of Python files. `prose.yaml`
lists the turns of phrase that it reports. It also reports long sentences, sentences with two semicolons, and long
lines of Markdown. Code, generated blocks and text in backticks are skipped.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DEFAULT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "recipes", "vadkit", "plugins", "benchmarks")
MAX_WORDS, MAX_COLUMNS, MIN_WORDS = 35, 100, 4  # of a sentence, of a line of Markdown, of a message in code
ADVICE: dict[str, str] = yaml.safe_load(Path(__file__).with_name("prose.yaml").read_text(encoding="utf-8"))
PHRASES = [(re.compile(key.replace(" ", r"\s+"), re.IGNORECASE), advice) for key, advice in ADVICE.items()]
SENTENCE = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[\"'(\[*_]*(?:[A-Z0-9`]|vadkit\b|code\b))")
ITEM = re.compile(r"\s*([-*+>]|\d+[.)]|#+|:+)\s|\s*\**\w[\w.]*\**( \([^)]*\))?: ")  # each starts a new block
LINK = re.compile(r"!?\[(!?\[[^\]]*\]\([^)]*\)|[^\]]*)\](\([^)]*\)|: \S+)|https?://\S+")
SKIPPED = re.compile(r"<!--.*?-->|(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)

Block = tuple[int, str]  # its first line's number, and its text
Finding = tuple[int, str, str]  # line, phrase, advice


def findings(path: Path) -> list[Finding]:
    """Everything that is to be changed in a file, by line."""
    text = path.read_text(encoding="utf-8")
    match path.name.removesuffix(".txt").rpartition(".")[2]:  # templates end in .txt
        case "md":
            lines = list(_markdown(text))
            found = [(n, line[:40] + "...", f"over {MAX_COLUMNS} characters") for n, line in lines if _long(line)]
            blocks = _blocks(lines)
        case "py":
            found, blocks = [], _python(re.sub(r"\$(\w+)", r"\1", text))
        case _:
            found, blocks = [], _comments((n, *_yaml_comment(line)) for n, line in enumerate(text.splitlines(), 1))
    return sorted({*found, *(finding for block in blocks for finding in _block_findings(block))})


def _block_findings(block: Block) -> Iterator[Finding]:
    first, raw = block
    text = SKIPPED.sub(lambda match: "code" + "\n" * match[0].count("\n"), raw)
    text = LINK.sub(lambda match: match[1] or "link", text)
    for pattern, advice in PHRASES:
        for match in pattern.finditer(text):
            yield first + text.count("\n", 0, match.start()), " ".join(match[0].split()), f"write {advice}"
    start = 0
    for sentence in SENTENCE.split(text):
        start = text.index(sentence, start)
        where, begin = first + text.count("\n", 0, start), " ".join(sentence.split()[:5]) + " ..."
        if (words := sum(any(map(str.isalpha, word)) for word in sentence.split())) > MAX_WORDS:
            yield where, begin, f"{words} words in a sentence, over {MAX_WORDS}: split it"
        if sentence.count(";") > 1:
            yield where, begin, "two semicolons in a sentence: split it"


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines; those of code and of generated blocks are empty."""
    fence, generated, listed, indentable = "", False, False, True
    for number, line in enumerate(text.splitlines(), 1):
        opening = re.match(r"\s*(```+|~~~+)", line)
        skip = bool(fence or generated or opening or (indentable and line.startswith("    ")))
        if opening and not fence:
            fence = opening[1]
        elif opening and line.strip() == fence:
            fence = ""
        if not fence and "[[[cog" in line:
            generated = skip = True
        if "[[[end]]]" in line:
            generated = False
        if line.strip() and not line.startswith(" "):
            listed = bool(re.match(r"([-*+]|\d+[.)]) ", line))
        indentable = not listed and (skip or not line.strip())
        yield number, "" if skip else line


def _long(line: str) -> bool:
    return (
        len(line) > MAX_COLUMNS
        and not line.lstrip().startswith(("|", "$$"))
        and bool(re.search(r"\w", LINK.sub("", line)))
    )


def _blocks(lines: Iterable[tuple[int, str]]) -> Iterator[Block]:
    """Paragraphs, list items, cells of tables, entries of `Args`: a sentence does not cross them."""
    first, parts, indent, example = 0, [], 0, False
    for number, line in [*lines, (0, "")]:
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        text = "" if example else line
        depth = len(text) - len(text.lstrip())
        if not text.strip() or text.lstrip().startswith("|") or ITEM.match(text) or depth < indent:
            yield first, "\n".join(parts)
            parts = []
        if text.lstrip().startswith("|"):
            yield from ((number, cell.replace(";", ",")) for cell in text.split("|"))  # a cell may be a list
        elif text.strip():
            first = number if not parts else first
            parts.append(text)
        indent = depth


def _python(source: str) -> Iterator[Block]:
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            text = node.value
        else:
            continue
        if id(node) in docs or (len(text.split()) >= MIN_WORDS and not _is_code(text)):
            yield from _blocks(enumerate(text.splitlines(), node.lineno))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = (token for token in tokens if token.type == tokenize.COMMENT)
    yield from _comments((token.start[0], token.start[1], token.string, token.line) for token in found)


def _is_code(text: str) -> bool:
    try:
        return "\n" in text.strip() and bool(ast.parse(text))
    except SyntaxError:
        return False


def _yaml_comment(line: str) -> tuple[int, str, str]:
    match = re.search(r"(?:^|(?<=\s))#.*", line)
    return (match.start(), match[0], line) if match else (0, "", line)


def _comments(comments: Iterable[tuple[int, int, str, str]]) -> Iterator[Block]:
    """Comments that fill their lines and follow each other are one text."""
    lines, last = [], (0, 0)
    for number, column, comment, line in comments:
        if not line.strip().startswith("#") or last != (number - 1, column):
            lines.append((number - 1, ""))
        lines.append((number, comment.lstrip("#!: ")))
        last = number, column
    return _blocks(lines)


def main() -> int:
    """Print what is found; 1 if there is anything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / name for name in DEFAULT])
    count = 0
    for path in parser.parse_args().paths:
        files = sorted(
            file
            for file in path.rglob("*")
            if "_build" not in file.parts and re.search(r"\.(md|py|yaml)(\.txt)?$", file.name)
        )
        for file in files if path.is_dir() else [path]:
            for line, phrase, advice in findings(file):
                print(f"{file.relative_to(ROOT) if file.is_relative_to(ROOT) else file}:{line}: {phrase}: {advice}")
                count += 1
    return int(count > 0)


if __name__ == "__main__":
    raise SystemExit(main())
