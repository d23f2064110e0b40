"""What `vadkit list` prints."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest, join_names
from vadkit.plugin.discovery import Plugin
from vadkit.plugin.registry import DISABLE, Registry


def print_listing(registry: Registry, name: str | None) -> None:
    """Everything, one kind, or one component with its keys.

    Raises:
        PluginError: there is no such kind or component.
    """
    console = Console(soft_wrap=not Console().is_terminal)
    if name is None:
        for kind in KINDS:
            if registry.names(kind):
                console.print(_kind_table(registry, kind))
        print_problems(console, registry)
    elif name in KINDS:
        console.print(f"[bold]{name}[/bold]: {inspect.getdoc(KINDS[name])}\n", highlight=False)
        console.print(_kind_table(registry, name))
    else:
        _print_component(console, registry, name)


def _owners(registry: Registry, kind: str, name: str) -> Sequence[Plugin]:
    return [
        plugin
        for plugin in registry.plugins
        if any((component.kind, component.name) == (kind, name) for component in plugin.components)
    ]


def _kind_table(registry: Registry, kind: str) -> Table:
    table = Table(title=kind, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in ("name", "summary", "plugin", "from"):
        table.add_column(column, no_wrap=column != "summary")
    for name in registry.names(kind):
        for plugin in _owners(registry, kind, name):
            for component in plugin.components:
                if (component.kind, component.name) == (kind, name):
                    table.add_row(*map(escape, (name, component.summary, plugin.name, plugin.distribution)))
    table.add_section()
    return table


def print_problems(console: Console, registry: Registry) -> None:
    """Plugins that are not loaded or left out, names that clash; what is more, `vadkit plugin list` says."""
    for (kind, name), full in registry.clashes.items():
        told = f"{kind} {name!r} is {' and '.join(full)}; write the full name"
        console.print(f"[yellow]clash[/yellow]: {escape(told)}")
    if registry.disabled:
        console.print(f"[dim]disabled by {DISABLE}[/dim]: {escape(', '.join(registry.disabled))}")
    for name in registry.strangers:
        told = f"{DISABLE} names {name!r}, which is no plugin; {closest(name, (p.name for p in registry.plugins))}"
        console.print(f"[yellow]unknown[/yellow]: {escape(told)}")
    for plugin in registry.broken:
        console.print(f"[red]not loaded[/red]: {escape(f'{plugin.origin}: {plugin.error}')}")
    usable = [plugin.name for plugin in registry.plugins if registry.problems(plugin) and not plugin.error]
    if usable:
        told = f"{join_names(usable)}; see 'vadkit plugin list'"
        console.print(f"[yellow]with problems[/yellow]: {escape(told)}")


def _print_component(console: Console, registry: Registry, name: str) -> None:
    from vadkit.recipe.signature import describe

    kind, _, short = name.rpartition("/")
    kinds = [kind] if kind else [each for each in KINDS if short.rpartition(":")[2] in registry.names(each)]
    if not kinds:
        every = {each for kind in KINDS for each in registry.names(kind)} | set(KINDS)
        raise PluginError(f"there is no kind or component {name!r}", fix=closest(name, every))
    for each in kinds:
        component = registry.get(each, short)
        console.print(f"[bold]{each} {component.name}[/bold]: {escape(component.summary)}", highlight=False)
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("key", "type", "default", "meaning"):
            table.add_column(column)
        for key in describe(component).parameters.values():
            default = "required" if key.required else key.default_text
            table.add_row(*map(escape, (key.name, key.type, default, key.help)))
        console.print(table)
