"""Weights to share (safetensors) and the state to resume from (weights_only).

Both carry the digest of the recipe's part that they depend on, so that a foreign
checkpoint is refused instead of loaded.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import nn

from vadkit.core.errors import CheckpointError
from vadkit.core.files import atomic_write

FORMAT = "1"


class Checkpoints:
    """The checkpoints of one run folder.

    Args:
        folder: `checkpoints/` of the run folder.
        recipe: the recipe's name, for messages.
    """

    def __init__(self, folder: Path, recipe: str) -> None:
        self.folder = folder
        self.recipe = recipe

    def weights(self, stage: str) -> Path:
        """Where the finished weights of a stage lie."""
        return self.folder / f"{stage}.safetensors"

    @property
    def state(self) -> Path:
        """Where the state of the stage in progress lies."""
        return self.folder / "state.pt"

    def save(self, stage: str, module: nn.Module, digest: str) -> None:
        """Write a finished stage's weights and drop the resume state."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
        facts = {"format": FORMAT, "stage": stage, "digest": digest, "recipe": self.recipe}
        with atomic_write(self.weights(stage)) as aside:
            aside.write_bytes(serialise(tensors, facts))  # safetensors' own writer hides a full disk
        self.state.unlink(missing_ok=True)

    def load(self, stage: str, module: nn.Module, digest: str) -> bool:
        """Load a finished stage's weights; False if it is not finished.

        Raises:
            CheckpointError: the file is damaged or belongs to another recipe.
        """
        path = self.weights(stage)
        if not path.exists():
            return False
        try:
            with safe_open(path, framework="pt") as file:
                found = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"is damaged: {error}", where=str(path), fix=_AGAIN) from error
        self._refuse_foreign(path, found.get("digest", ""), digest, found.get("recipe", "an unknown recipe"))
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(f"does not fit the model: {error}", where=str(path), fix=_AGAIN) from error
        return True

    def save_state(self, state: dict[str, Any]) -> None:
        """Write the state of a stage in progress."""
        held = BytesIO()
        torch.save({"format": FORMAT, "recipe": self.recipe, **state}, held)
        with atomic_write(self.state) as aside:
            aside.write_bytes(held.getbuffer())  # torch's own writer hides a full disk

    def load_state(self, stage: str, digest: str) -> dict[str, Any] | None:
        """The state of this stage, None if it has not begun.

        Raises:
            CheckpointError: the file is damaged or belongs to another recipe.
        """
        if not self.state.exists():
            return None
        try:
            state = torch.load(self.state, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds, and some recommend to open it all the same
            what = "is damaged, or holds more than numbers: it is not opened"
            raise CheckpointError(what, where=str(self.state), fix=_AGAIN) from error
        if not isinstance(state, dict):
            raise CheckpointError("is no training state", where=str(self.state), fix=_AGAIN)
        if state.get("stage") != stage:
            return None
        self._refuse_foreign(self.state, state.get("digest", ""), digest, state.get("recipe", "an unknown recipe"))
        return state

    def _refuse_foreign(self, path: Path, found: str, wanted: str, recipe: str) -> None:
        if found != wanted:
            raise CheckpointError(
                f"was made by another recipe or version of it ({recipe}, digest {found or 'none'};"
                f" this one needs {wanted})",
                where=str(path),
                fix="run the recipe that made it, choose another folder with --out, or begin anew with --overwrite",
            )


_AGAIN = "begin anew with --overwrite, or restore the file"
