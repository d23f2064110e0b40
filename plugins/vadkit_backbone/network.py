"""Opens a network, and gives the outputs of its layers by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from vadkit.api import ShapeError, VadkitError, closest

LIBRARIES = ("torchvision", "timm")
GRAPHS = ("export", "torchscript", "onnx")


class Network(ABC, nn.Module):
    """A frozen network.

    Attributes:
        size: height and width of the frames that it takes; None if it takes several.
        batch: number of images or clips in one pass; None if it takes any number.
    """

    size: tuple[int, int] | None = None
    batch: int | None = None

    @abstractmethod
    def forward(self, given: Tensor) -> dict[str, Tensor]:
        """Name of a layer -> its output, (N, ...)."""

    def probe(self, given: Tensor) -> dict[str, Tensor]:
        """The outputs for one image or clip.

        Raises:
            ShapeError: it does not pass.
        """
        try:
            return self(given)
        except VadkitError:
            raise
        except Exception as error:  # the network may raise anything
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            what = f"an input of {tuple(given.shape)} does not pass through the network: {reason}"
            raise ShapeError(what, fix="set 'size' and 'input' to what the network takes") from error


def open_network(weights: Path, architecture: str, layers: Sequence[str]) -> Network:
    """Open the network of a file.

    Raises:
        DataError: the file is damaged, contains a pickled object, or does not fit the architecture.
        ShapeError: a layer does not exist.
        VadkitError: the architecture is unknown, or its library is not installed.
    """
    from vadkit_backbone import graphs, library  # here, because they import the contract above

    source, _, name = architecture.partition(":")
    if source in LIBRARIES and name:
        return library.LibraryNetwork(weights, source, name, layers)
    if architecture in GRAPHS:
        return graphs.open_graph(weights, architecture, layers)
    choices = [*(f"{source}:NAME" for source in LIBRARIES), *GRAPHS]
    raise VadkitError(f"no architecture is named {architecture!r}", fix=closest(architecture, choices))


def chosen(outputs: Mapping[str, Tensor], layers: Sequence[str]) -> dict[str, Tensor]:
    """The outputs with these names; all of them without names."""
    check_layers(layers, outputs, "the network has no output named")
    return {name: outputs[name] for name in layers or outputs}


def check_layers(layers: Sequence[str], known: Mapping[str, object], what: str) -> None:
    """Refuse names that are not known.

    Raises:
        ShapeError: with the closest names.
    """
    for name in layers:
        if name not in known:
            raise ShapeError(f"{what} {name!r}", fix=closest(name, known))
