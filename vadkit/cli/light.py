"""Commands that start without pydantic, which Typer loads to convert even an argument that is text or not given."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class LightGroup(TyperGroup):
    """A group whose own options are flags."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options of the group."""
        _keep_text(self.get_params(ctx))
        return super().parse_args(ctx, args)


class LightCommand(TyperCommand):
    """A command whose arguments and options are flags or optional text."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments and options of the command."""
        _keep_text(self.get_params(ctx))
        return super().parse_args(ctx, args)


def _keep_text(parameters: list[Any]) -> None:
    for parameter in parameters:
        parameter.process_value = _unless_text(parameter.process_value)


def _unless_text(convert: Any) -> Any:
    def process(ctx: Any, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else convert(ctx, value)

    return process
