"""What `vadkit plugin list` prints."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vadkit.core.errors import closest
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.hookspecs import ENTRY_POINT_GROUP
from vadkit.plugin.registry import DISABLE, Registry


def print_plugins(registry: Registry) -> None:
    """Every plugin with its distribution, origin and components; then whatever is wrong."""
    console = Console(soft_wrap=not Console().is_terminal)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("plugin", "distribution", "module", "components"):
        table.add_column(column, no_wrap=column == "plugin", overflow="fold", min_width=9)
    for plugin in registry.plugins:
        from_ = plugin.module if plugin.group == ENTRY_POINT_GROUP else f"{plugin.group}: {plugin.module}"
        table.add_row(*map(escape, (plugin.name, _distribution(plugin), from_, _counted(plugin))))
    console.print(table)
    for plugin in registry.plugins:
        for problem in registry.problems(plugin):
            tag = "[red]not loaded[/red]" if problem == plugin.error else "[yellow]problem[/yellow]"
            console.print(f"{tag}: {escape(f'{plugin.origin} {_spoken(problem, plugin)}')}")
    for name in registry.disabled:
        console.print(f"[dim]disabled[/dim]: {escape(name)}, by {DISABLE}")
    for name in registry.strangers:
        told = f"{DISABLE} names {name!r}, which is no plugin; {closest(name, [p.name for p in registry.plugins])}"
        console.print(f"[yellow]unknown[/yellow]: {escape(told)}")


def _spoken(problem: str, plugin: Plugin) -> str:
    return f"failed: {problem}" if problem == plugin.error else problem


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
    """Whether it was installed with `pip install -e`, as PEP 610 lets one know."""
    with contextlib.suppress(PackageNotFoundError, ValueError, KeyError):
        return bool(json.loads(distribution(name).read_text("direct_url.json") or "{}")["dir_info"]["editable"])
    return False
