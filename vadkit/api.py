"""The one module that a plugin author imports.

from vadkit.api import Component, Scorer, hookimpl

@hookimpl
def vadkit_components():
    return [Component("scorer", "my_score", "my_package.scorer:MyScore", "What it does.")]
"""

from vadkit.alarms import held, runs
from vadkit.component import Component
from vadkit.contracts import (
    KINDS,
    Bottleneck,
    Dataset,
    Decoder,
    DensityModel,
    Encoder,
    Feature,
    FeatureSource,
    FitContext,
    Loss,
    Metric,
    Optimizer,
    Reporter,
    Schedule,
    Scorer,
    Transform,
)
from vadkit.errors import (
    CheckpointError,
    DataError,
    DivergedError,
    PluginError,
    RunFolderError,
    ShapeError,
    VadkitError,
)
from vadkit.files import write_aside
from vadkit.hookspecs import API_VERSION, hookimpl
from vadkit.values import (
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    FeatureSpec,
    Labels,
    LatentSpec,
    RunResult,
    Scope,
    ScoredVideo,
    Split,
    Track,
    VideoRef,
    VideoResult,
    natural,
)

__all__ = [
    "API_VERSION",
    "KINDS",
    "Bottleneck",
    "BottleneckOutput",
    "CheckpointError",
    "ClipOutputs",
    "ClipSpec",
    "Component",
    "DataError",
    "Dataset",
    "Decoder",
    "DensityModel",
    "DivergedError",
    "Encoder",
    "Feature",
    "FeatureSource",
    "FeatureSpec",
    "FitContext",
    "Labels",
    "LatentSpec",
    "Loss",
    "Metric",
    "Optimizer",
    "PluginError",
    "Reporter",
    "RunFolderError",
    "RunResult",
    "Schedule",
    "Scope",
    "ScoredVideo",
    "Scorer",
    "ShapeError",
    "Split",
    "Track",
    "Transform",
    "VadkitError",
    "VideoRef",
    "VideoResult",
    "held",
    "hookimpl",
    "natural",
    "runs",
    "write_aside",
]
