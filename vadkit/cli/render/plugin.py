"""The output of `vadkit list`, `vadkit plugin list` and `vadkit plugin check`."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from vadkit.cli.render import tables
from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest, join_names
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.hookspecs import ENTRY_POINT_GROUP
from vadkit.plugin.registry import DISABLE, Registry

if TYPE_CHECKING:
    from vadkit.testing import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "expected": "yellow"}


def print_listing(registry: Registry, name: str | None = None) -> None:
    """Print everything, one kind, or one component with its keys; a PluginError for an unknown name."""
    console = Console(soft_wrap=not Console().is_terminal, emoji=False)
    if name is None:
        for kind in KINDS:
            if registry.names(kind):
                console.print(_kind_table(registry, kind))
        _print_problems(console, registry)
    elif name in KINDS:
        console.print(f"[bold]{name}[/bold]: {escape(inspect.getdoc(KINDS[name]) or '')}\n", highlight=False)
        console.print(_kind_table(registry, name))
    else:
        _print_component(console, registry, name)


def _kind_table(registry: Registry, kind: str) -> Table:
    heads = ("name", "summary", "plugin", "from")
    cards = [(card, plugin) for plugin in registry.plugins for card in plugin.components if card.kind == kind]
    cards.sort(key=lambda pair: pair[0].name)
    rows = [heads, *((card.name, card.summary, plugin.name, plugin.distribution) for card, plugin in cards)]
    # With a width, Rich does not measure each cell, which takes a third of the time.
    widths = [None if cells[0] == "summary" else max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]
    columns = (Column(head, no_wrap=bool(width), width=width) for head, width in zip(heads, widths, strict=True))
    table = tables.listing(*columns, title=kind)
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return table


def _print_problems(console: Console, registry: Registry) -> None:
    """Print what `vadkit plugin list` prints in detail."""
    for (kind, name), full in registry.clashes.items():
        text = f"{kind} {name!r} is {' and '.join(full)}; write the full name"
        console.print(f"[yellow]clash[/yellow]: {escape(text)}")
    for plugin in registry.broken:
        console.print(f"[red]not loaded[/red]: {escape(f'{plugin.origin}: {plugin.error}')}")
    if usable := [plugin.name for plugin in registry.plugins if registry.problems(plugin) and not plugin.error]:
        console.print(f"[yellow]with problems[/yellow]: {escape(join_names(usable))}; see 'vadkit plugin list'")
    print_disabled(console, registry)


def print_disabled(console: Console, registry: Registry) -> None:
    """Print the plugins in `VADKIT_DISABLE`, and names there that no plugin has."""
    if registry.disabled:
        console.print(f"[dim]disabled by {DISABLE}[/dim]: {escape(', '.join(registry.disabled))}")
    for name in registry.strangers:
        near = closest(name, (plugin.name for plugin in registry.plugins))
        console.print(f"[yellow]unknown[/yellow]: {escape(f'{DISABLE} names {name!r}, which is not a plugin; {near}')}")


def _print_component(console: Console, registry: Registry, name: str) -> None:
    from vadkit.recipe.signature import describe

    kind, _, short = name.rpartition("/")
    kinds = [kind] if kind else [each for each in KINDS if short.rpartition(":")[2] in registry.names(each)]
    if not kinds:
        every = {each for kind in KINDS for each in registry.names(kind)} | set(KINDS)
        raise PluginError(f"no kind or component is named {name!r}", fix=closest(name, every))
    for each in kinds:
        component = registry.get(each, short)
        console.print(f"[bold]{each} {component.name}[/bold]: {escape(component.summary)}", highlight=False)
        table = tables.listing("key", "type", "default", "meaning")
        for key in describe(component).parameters.values():
            default = "required" if key.required else key.default_text
            table.add_row(*map(escape, (key.name, key.type, default, key.help)))
        console.print(table)


def print_plugins(registry: Registry) -> None:
    """Print every plugin with its distribution, origin and components, then all problems."""
    console = Console(soft_wrap=not Console().is_terminal, emoji=False)
    heads = ("plugin", "distribution", "module", "components")
    table = tables.listing(*(Column(head, no_wrap=head == "plugin", overflow="fold", min_width=9) for head in heads))
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
    import json  # not needed by `vadkit list`

    with contextlib.suppress(PackageNotFoundError, ValueError, KeyError):
        return bool(json.loads(distribution(name).read_text("direct_url.json") or "{}")["dir_info"]["editable"])
    return False


def print_outcomes(outcomes: Sequence[Outcome], *, failures: bool = False) -> None:
    """Print a row for each check, or one for all checks skipped for the same reason; then the counts."""
    console = Console(highlight=False)
    heads = (Column(head, no_wrap=True) for head in ("component", "check", ""))
    table = tables.listing(*heads, Column("why", overflow="fold"))
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
