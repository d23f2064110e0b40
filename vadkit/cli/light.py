"""Commands that start without pydantic, which Typer loads to convert any argument, even text or None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

_Command = TyperCommand if TYPE_CHECKING else object


class _Light(_Command):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments and options; text and None stay unconverted."""
        for parameter in self.get_params(ctx):
            parameter.process_value = _unless_text(parameter.process_value)
        return super().parse_args(ctx, args)


class LightCommand(_Light, TyperCommand):
    """A command with flags and optional text as its only parameters."""


class LightGroup(_Light, TyperGroup):
    """A group with flags as its only options."""


def _unless_text(convert: Any) -> Any:
    def process(ctx: Any, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else convert(ctx, value)

    return process
