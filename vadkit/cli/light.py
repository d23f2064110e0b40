"""A group of commands that starts without pydantic, which Typer loads to convert any option, even an unset flag."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class LightGroup(TyperGroup):
    """A group with flags as its only options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments and options; text and None stay unconverted."""
        for parameter in self.get_params(ctx):
            parameter.process_value = _unless_text(parameter.process_value)
        return super().parse_args(ctx, args)


def _unless_text(convert: Any) -> Any:
    def process(ctx: Any, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else convert(ctx, value)

    return process
