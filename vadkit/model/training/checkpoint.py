"""Checkpoints: the weights of finished stages (safetensors) and the state to resume from (weights_only).

Both carry the digest of the recipe sections that they depend on. A checkpoint of another recipe is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        """Path of a finished stage's weights."""
        return self.folder / f"{stage}.safetensors"

    @property
    def state(self) -> Path:
        """Path of the resume state of the stage in progress."""
        return self.folder / "state.pt"

    def save(self, stage: str, module: nn.Module, digest: str) -> None:
        """Write a finished stage's weights and delete the resume state."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
        metadata = {"format": FORMAT, "stage": stage, "digest": digest, "recipe": self.recipe}
        with atomic_write(self.weights(stage)) as temporary:
            temporary.write_bytes(serialise(tensors, metadata))  # safetensors' own writer hides a full disk
        self.state.unlink(missing_ok=True)

    def load(self, stage: str, module: nn.Module, digest: str) -> bool:
        """Load a finished stage's weights into the module.

        Returns:
            False if the stage is not finished.

        Raises:
            CheckpointError: the file is damaged or belongs to another recipe.
        """
        path = self.weights(stage)
        if not path.exists():
            return False
        metadata, tensors = _read(path, _RESTART)
        self._check_digest(path, metadata, digest)
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(f"does not fit the model: {error}", where=str(path), fix=_RESTART) from error
        return True

    def save_state(self, state: dict[str, Any]) -> None:
        """Write the resume state of a stage in progress."""
        buffer = BytesIO()
        torch.save({"format": FORMAT, "recipe": self.recipe, **state}, buffer)
        with atomic_write(self.state) as temporary:
            temporary.write_bytes(buffer.getbuffer())  # torch's own writer hides a full disk

    def load_state(self, stage: str, digest: str) -> dict[str, Any] | None:
        """Read the resume state of this stage; None if there is none.

        Raises:
            CheckpointError: the file is damaged or belongs to another recipe.
        """
        if not self.state.exists():
            return None
        try:
            state = torch.load(self.state, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds of errors, and some advise to load the file unsafely
            what = "is damaged, or holds more than numbers: it is not opened"
            raise CheckpointError(what, where=str(self.state), fix=_RESTART) from error
        if not isinstance(state, dict):
            raise CheckpointError("is not a training state", where=str(self.state), fix=_RESTART)
        if state.get("stage") != stage:
            return None
        self._check_digest(self.state, state, digest)
        return state

    def _check_digest(self, path: Path, metadata: Mapping[str, Any], expected: str) -> None:
        if (version := metadata.get("format")) != FORMAT:
            has = "has no format number" if version is None else f"has format {version}"
            what = f"{has}, but this version of vadkit reads format {FORMAT}"
            fix = "use the version of vadkit that wrote it, or start again with --overwrite"
            raise CheckpointError(what, where=str(path), fix=fix)
        digest = metadata.get("digest", "")
        if digest != expected:
            recipe = metadata.get("recipe", "an unknown recipe")
            raise CheckpointError(
                f"was made by another recipe or by another version of it ({recipe}, digest {digest or 'none'};"
                f" this one needs {expected})",
                where=str(path),
                fix="run the recipe that made it, choose another folder with --out, or start again with --overwrite",
            )


def load_initial(path: Path, module: nn.Module, *, where: str) -> None:
    """Load weights to start training from, made by a stage of another run. See `read_initial`."""
    module.load_state_dict(read_initial(path, module, where=where))


def read_initial(path: Path, module: nn.Module, *, where: str) -> dict[str, torch.Tensor]:
    """Weights to start training from, made by a stage of another run.

    Args:
        path: a file that `Checkpoints.save` wrote.
        module: the weights must fit it.
        where: the key of the recipe that names the file.

    Raises:
        CheckpointError: the file is damaged, or its weights have other names or shapes than the module's.
    """
    _, tensors = _read(path, "name the file of the same stage in 'checkpoints/' of another run")
    own = module.state_dict()
    missing = sorted(own.keys() - tensors.keys()) + sorted(tensors.keys() - own.keys())
    shapes = {name: (tuple(tensors[name].shape), tuple(own[name].shape)) for name in own if name not in missing}
    other = [name for name, (there, here) in shapes.items() if there != here]
    if missing or other:
        if other:
            what = f"{other[0]!r} has shape {shapes[other[0]][0]} there and {shapes[other[0]][1]} here"
        else:
            what = f"{missing[0]!r} exists only {'here' if missing[0] in own else 'there'}"
        fix = "start from a run with the same components and the same keys"
        raise CheckpointError(f"the weights of {path} do not fit: {what}", where=where, fix=fix)
    return tensors


def _read(path: Path, fix: str) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Metadata and tensors of a weights file."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"is damaged: {error}", where=str(path), fix=fix) from error


_RESTART = "start again with --overwrite, or restore the file"
