"""The output of `vadkit list`."""

from __future__ import annotations

import inspect

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from vadkit.cli.render.tables import listing
from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, closest, join_names
from vadkit.plugin.registry import DISABLE, Registry


def print_listing(registry: Registry, name: str | None) -> None:
    """Print everything, one kind, or one component with its keys.

    Raises:
        PluginError: no kind or component has this name.
    """
    console = Console(soft_wrap=not Console().is_terminal)
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
    table = listing(*(Column(head, no_wrap=head != "summary") for head in ("name", "summary", "plugin", "from")))
    table.title = kind
    for name in registry.names(kind):
        for plugin in registry.plugins:
            for component in plugin.components:
                if (component.kind, component.name) == (kind, name):
                    table.add_row(*map(escape, (name, component.summary, plugin.name, plugin.distribution)))
    table.add_section()
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
        table = listing("key", "type", "default", "meaning")
        for key in describe(component).parameters.values():
            default = "required" if key.required else key.default_text
            table.add_row(*map(escape, (key.name, key.type, default, key.help)))
        console.print(table)
