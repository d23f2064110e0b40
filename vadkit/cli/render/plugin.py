"""The output of `vadkit plugin list` and `vadkit plugin check`."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.text import Text

from vadkit.cli.render.list import print_disabled
from vadkit.cli.render.tables import listing
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.hookspecs import ENTRY_POINT_GROUP
from vadkit.plugin.registry import Registry

if TYPE_CHECKING:
    from vadkit.testing import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "expected": "yellow"}


def print_plugins(registry: Registry) -> None:
    """Print every plugin with its distribution, origin and components, then all problems."""
    console = Console(soft_wrap=not Console().is_terminal)
    heads = ("plugin", "distribution", "module", "components")
    table = listing(*(Column(head, no_wrap=head == "plugin", overflow="fold", min_width=9) for head in heads))
    for plugin in registry.plugins:
        module = plugin.module if plugin.group == ENTRY_POINT_GROUP else f"{plugin.group}: {plugin.module}"
        table.add_row(*map(escape, (plugin.name, _distribution(plugin), module, _counted(plugin))))
    console.print(table)
    for plugin in registry.plugins:
        for problem in registry.problems(plugin):
            failed = problem == plugin.error
            tag = "[red]not loaded[/red]" if failed else "[yellow]problem[/yellow]"
            text = f"{plugin.origin} failed: {problem}" if failed else f"{plugin.origin} {problem}"
            console.print(f"{tag}: {escape(text)}")
    print_disabled(console, registry)


def _counted(plugin: Plugin) -> str:
    if plugin.error:
        return "-"
    counts = Counter(component.kind for component in plugin.components)
    return ", ".join(f"{count} {kind if count == 1 else _plural(kind)}" for kind, count in counts.items()) or "none"


def _plural(kind: str) -> str:
    if kind.endswith("y"):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def _distribution(plugin: Plugin) -> str:
    return plugin.distribution + (" (editable)" if _editable(plugin.distribution.rpartition(" ")[0]) else "")


def _editable(name: str) -> bool:
    """Whether it was installed with `pip install -e` (PEP 610)."""
    with contextlib.suppress(PackageNotFoundError, ValueError, KeyError):
        return bool(json.loads(distribution(name).read_text("direct_url.json") or "{}")["dir_info"]["editable"])
    return False


def print_outcomes(outcomes: Sequence[Outcome], *, failures: bool = False) -> None:
    """Print a row for each check, or one for all checks skipped for the same reason; then the counts."""
    console = Console(highlight=False)
    heads = (Column(head, no_wrap=True) for head in ("component", "check", ""))
    table = listing(*heads, Column("why", overflow="fold"))
    for (component, state, reason), same in groupby(outcomes, lambda each: (each.component, each.state, each.reason)):
        if failures and state != "failed":
            continue
        checks = [outcome.check for outcome in same]
        if state == "skipped" and len(checks) > 1:
            checks = [f"{checks[0]} and {len(checks) - 1} more"]
        for check in checks:
            table.add_row(Text(component), Text(check), Text(state, style=_STYLES[state]), Text(reason))
    if table.row_count:
        console.print(table)
    counts = Counter(outcome.state for outcome in outcomes)
    components = len({outcome.component for outcome in outcomes})
    summary = ", ".join(f"{counts[state]} {state}" for state in _STYLES if counts[state])
    console.print(Text(f"{components} component{'s' * (components != 1)}: {summary}", style="bold"))
