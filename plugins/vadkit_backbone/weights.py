"""Reads a state dict of a file, without running code, and compares it with a network."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vadkit.api import DataError, join_names

_NESTED = ("state_dict", "model_state_dict", "model")
_COUNTER = "num_batches_tracked"  # has no influence in eval mode; old files lack it


def load_weights(network: nn.Module, path: Path, name: str) -> None:
    """Load the weights of a file into a network. Tensors that the network does not have are ignored.

    Args:
        network: the network.
        path: a file of PyTorch or safetensors.
        name: of the architecture, for messages.

    Raises:
        DataError: the file is damaged, contains a pickled object, or does not fit the network.
    """
    given, needed = read_state_dict(path), network.state_dict()
    missing = [key for key in needed if key not in given and not key.endswith(_COUNTER)]
    other = [key for key in needed if key in given and given[key].shape != needed[key].shape]
    if missing or other:
        texts = (
            [f"{len(missing)} of its {len(needed)} tensors are missing ({join_names(missing, 3)})"] if missing else []
        )
        if other:
            key = other[0]
            texts.append(
                f"{len(other)} have another shape ({join_names(other, 3)}; {key} is {_shape(given[key])}, "
                f"not {_shape(needed[key])})"
            )
        own = f"; the file has {join_names(given, 3)}" if missing else ""
        what = f"does not fit {name}: {', and '.join(texts)}{own}"
        raise DataError(what, where=str(path), fix="set 'architecture' to the network that the file was made for")
    network.load_state_dict({key: given[key] for key in needed if key in given}, strict=False)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a file of PyTorch or safetensors.

    Raises:
        DataError: the file is damaged, or contains more than tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise _damaged(path, "a safetensors file") from error
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "global" not in str(error).lower():  # the bytes do not form a pickle
            raise _damaged(path, "a PyTorch file") from error
        what = "is not opened: it contains Python objects in addition to tensors, and a pickle can run code"
        fix = "save the weights alone, with torch.save(network.state_dict(), ...) or as safetensors"
        raise DataError(what, where=str(path), fix=fix) from error
    except Exception as error:  # torch raises many kinds of errors
        if "TorchScript" in str(error):
            fix = "set architecture: torchscript"
            raise DataError("is a TorchScript file, not a file of weights", where=str(path), fix=fix) from error
        raise _damaged(path, "a PyTorch file") from error
    for name in _NESTED:
        if isinstance(found, Mapping) and isinstance(inner := cast("Any", found).get(name), Mapping):
            found = inner
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        what = "contains no state dict: it must map the names of weights to tensors"
        raise DataError(what, where=str(path), fix="save it with torch.save(network.state_dict(), ...)")
    tensors = cast("Mapping[str, Tensor]", found)
    return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}  # of DataParallel


def _damaged(path: Path, kind: str) -> DataError:
    return DataError(f"is damaged, or is not {kind}", where=str(path), fix="download or copy the file again")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"
