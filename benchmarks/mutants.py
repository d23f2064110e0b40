"""Puts faults into the arithmetic, one at a time, and counts how many of them the tests notice.

    python benchmarks/mutants.py --each 3               # a few of every module: `make mutants`
    python benchmarks/mutants.py --each 40              # the long form
    python benchmarks/mutants.py vadkit/evaluation/bootstrap.py --each 100

A fault exchanges an operator (`<` and `<=`, `+` and `-`, `*` and `/`, `and` and `or`), negates a condition, or changes
a number or a truth value by one. Messages, type hints and docstrings are not changed. A fault is noticed if a test of
the module fails. The faults that no test notices are printed: some do not matter, such as a faster path or a larger
buffer. Exit code 1 if less than `--least` percent are noticed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS: Mapping[str, Sequence[str]] = {
    "vadkit/evaluation/bootstrap.py": ["tests/evaluation/test_bootstrap.py", "tests/evaluation/test_evaluator.py"],
    "vadkit/evaluation/calibration.py": ["tests/evaluation/test_calibration.py", "tests/core/test_alarms.py"],
    "vadkit/evaluation/coverage.py": ["tests/evaluation/test_coverage.py", "tests/evaluation/test_evaluator.py"],
    "vadkit/evaluation/events.py": ["tests/evaluation/test_events.py"],
    "vadkit/evaluation/fusion.py": ["tests/evaluation/test_fusion.py", "tests/evaluation/test_evaluator.py"],
    "vadkit/core/alarms.py": ["tests/core/test_alarms.py"],
    "vadkit/core/video_labels.py": ["tests/store/test_external_labels.py", "tests/plugins/test_folder_labels.py"],
    "vadkit/store/external/label_tables.py": [
        "tests/store/test_external_labels.py",
        "tests/plugins/test_folder_labels.py",
    ],
    "vadkit/store/external/mat_file.py": ["tests/store/test_mat_file.py"],
    "vadkit/model/inference/sliding_window.py": ["tests/model/test_sliding_window.py", "tests/engine/test_stateful.py"],
    "vadkit/model/inference/convolutions.py": ["tests/model/test_fast_convolutions.py"],
    "vadkit/video/clips.py": ["tests/video/test_clips.py"],
    "plugins/vadkit_standard/ranking.py": ["tests/plugins/test_metrics.py"],
    "plugins/vadkit_standard/metrics.py": ["tests/plugins/test_metrics.py"],
    "plugins/vadkit_standard/scorers.py": [
        "tests/plugins/test_features_scorers.py",
        "tests/model/test_places.py",
        "tests/engine/test_objects.py::test_overlapping_boxes_have_the_higher_value",
    ],
    "plugins/vadkit_standard/losses.py": ["tests/plugins/test_losses.py"],
    "plugins/vadkit_standard/transforms.py": ["tests/plugins/test_transforms.py"],
    "plugins/vadkit_flows/flow.py": [
        "tests/plugins/test_glow.py",
        "tests/plugins/test_realnvp.py",
        "tests/model/test_places.py",
    ],
    "plugins/vadkit_flows/glow.py": [
        "tests/plugins/test_glow.py",
        "tests/model/test_places.py",
        "tests/model/test_folding.py",
    ],
    "plugins/vadkit_flows/realnvp.py": ["tests/plugins/test_realnvp.py"],
    "plugins/vadkit_itae/encoder.py": ["tests/plugins/test_itae_plugin.py"],
    "plugins/vadkit_baselines/convae.py": ["tests/plugins/test_convae.py"],
    "plugins/vadkit_baselines/convlstm.py": ["tests/plugins/test_convlstm.py"],
    "plugins/vadkit_baselines/cross_channel.py": ["tests/plugins/test_cross_channel.py"],
    "plugins/vadkit_baselines/dissociation.py": ["tests/plugins/test_dissociation.py"],
    "plugins/vadkit_baselines/fastano.py": ["tests/plugins/test_fastano.py"],
    "plugins/vadkit_baselines/lsa.py": ["tests/plugins/test_autoregression.py"],
    "plugins/vadkit_baselines/memae.py": ["tests/plugins/test_memae.py"],
    "plugins/vadkit_baselines/mnad.py": ["tests/plugins/test_mnad.py"],
    "plugins/vadkit_baselines/prediction.py": ["tests/plugins/test_prediction.py"],
    "plugins/vadkit_baselines/stae.py": ["tests/plugins/test_stae.py"],
    "plugins/vadkit_baselines/stcen.py": ["tests/plugins/test_stcen.py"],
    "plugins/vadkit_baselines/variational.py": ["tests/plugins/test_variational.py"],
}
_SWAPPED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_LIMIT = 600  # seconds of the tests of one module


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that can be changed, and how."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.arguments):  # defaults, without type hints
            for default in (*node.defaults, *(each for each in node.kw_defaults if each is not None)):
                yield from places(ast.Expression(default))
            continue
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield from places(ast.Expression(node.value))
            continue
        if isinstance(node, ast.ClassDef):  # without its decorators
            yield from places(ast.Module(node.body, []))
            continue
        if isinstance(node, ast.FunctionDef):
            yield from places(ast.Module([ast.Expr(ast.Lambda(node.args, ast.Constant(None))), *node.body], []))
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            continue  # a type
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
            yield node, "compare"
        elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in _SWAPPED:
            yield node, "operator"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            yield node, "unary"
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            yield node, "constant"
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            yield node, "condition"
        yield from places(node)


def changed(source: str, number: int) -> tuple[str, str]:
    """The source with the fault of this number, and its description."""
    tree = ast.parse(source)
    node, kind = list(places(tree))[number]
    before = ast.unparse(node).splitlines()[0]
    if isinstance(node, ast.Compare):
        node.ops[0] = _SWAPPED[type(node.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[operator]
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    ast.fix_missing_locations(tree)
    line = getattr(node, "lineno", 0)
    return ast.unparse(tree), f"line {line}, {kind}: {before} -> {ast.unparse(node).splitlines()[0]}"


def _run(tree: Path, tests: Sequence[str]) -> None:
    """Run tests of a copied tree in this process, which imported the libraries already; exit code as of pytest."""
    import pytest

    os.chdir(tree)
    sys.path[:0] = [str(tree), str(tree / "plugins"), str(tree / "tests")]
    sys.dont_write_bytecode = True
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):  # noqa: PTH123
        code = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests])
    os._exit(int(code))


def main() -> None:
    """Try the faults and print what was noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[*TESTS])
    parser.add_argument("--each", type=int, default=3, help="faults of each module, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.0, help="percent of the faults that must be noticed")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "scipy.stats", "sklearn.metrics", "av", "pytest", "pydantic", "normflows"])
    total = noticed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        ignored = shutil.ignore_patterns(".git", ".venv", "runs", "__pycache__", "_build", ".*_cache")
        shutil.copytree(ROOT, tree, ignore=ignored)

        def outcome(tests: Sequence[str]) -> int | None:
            process = context.Process(target=_run, args=(tree, tests))
            process.start()
            process.join(_LIMIT)
            if process.exitcode is None:
                process.kill()  # a loop without an end is noticed
            return process.exitcode

        for module in arguments.modules:
            path, tests = tree / module, TESTS[module]
            source = path.read_text(encoding="utf-8")
            if outcome(tests) != 0:
                sys.exit(f"{module}: its tests fail without a fault")
            every = range(len(list(places(ast.parse(source)))))
            chosen = sorted(random.Random(arguments.seed).sample(every, min(arguments.each, len(every))))
            survived: list[str] = []
            for number in chosen:
                text, what = changed(source, copy.copy(number))
                path.write_text(text, encoding="utf-8")
                if outcome(tests) == 0:
                    survived.append(what)
            path.write_text(source, encoding="utf-8")
            total, noticed = total + len(chosen), noticed + len(chosen) - len(survived)
            print(
                f"{module}: {len(chosen) - len(survived)} of {len(chosen)} noticed ({len(every)} possible)", flush=True
            )
            for what in survived:
                print(f"    not noticed: {what}", flush=True)
    share = 100 * noticed / max(total, 1)
    print(f"{noticed} of {total} faults noticed, {share:.0f} %")
    sys.exit(1 if share < arguments.least else 0)


if __name__ == "__main__":
    main()
