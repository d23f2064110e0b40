"""The components that most recipes use: losses, features, scorers, transforms, metrics, reporters, optimizers."""

from vadkit.api import Component, hookimpl

_COMPONENTS = [  # kind, name, module and class in this package, summary
    ("augmentation", "flip", "augmentations:Flip", "Mirrors clips horizontally."),
    ("augmentation", "brightness", "augmentations:Brightness", "Changes the brightness of clips."),
    ("augmentation", "skip_frames", "augmentations:SkipFrames", "Pseudo-anomalies: clips that skip frames."),
    ("loss", "l2", "losses:L2", "Mean squared error of pixels."),
    ("loss", "ms_ssim", "losses:MSSSIM", "1 minus multi-scale SSIM."),
    ("loss", "gradient", "losses:Gradient", "Difference of image gradients."),
    ("loss", "steal", "pseudo_anomalies:STEAL", "Maximises a loss for pseudo-anomalies (Astrid 2021)."),
    ("feature", "channel_pool", "features:ChannelPool", "Maximum and mean over channels."),
    ("feature", "vector_pool", "features:VectorPool", "Maximum and mean over space."),
    ("feature", "latent_cells", "features:LatentCells", "Cells of a latent, as samples at places."),
    ("feature", "frames", "features:Frames", "Raw frames, resized."),
    ("scorer", "patch_error", "scorers:PatchError", "Largest patch error of a frame."),
    ("scorer", "frame_error", "scorers:FrameError", "Mean error of a frame."),
    ("scorer", "clip_error", "scorers:ClipError", "Mean error of a clip."),
    ("scorer", "psnr", "psnr:PSNR", "Negative peak signal-to-noise ratio, dB."),
    ("scorer", "bottleneck", "bottleneck:BottleneckScore", "A score of the model's bottleneck."),
    ("scorer", "nll", "scorers:NLL", "Sum of negative log-likelihoods."),
    ("score_transform", "minmax", "transforms:MinMax", "Min-max scaling to [0, 1]."),
    ("score_transform", "zscore", "transforms:ZScore", "Standard deviations from the mean."),
    ("score_transform", "rank", "transforms:Rank", "Share of lower scores, in [0, 1]."),
    ("score_transform", "log_probability", "transforms:LogProbability", "-log p-value."),
    ("score_transform", "gaussian", "smoothing:Gaussian", "Gaussian smoothing over time."),
    ("score_transform", "median", "smoothing:Median", "Median filter over time."),
    ("score_transform", "exponential", "smoothing:Exponential", "Moving average of past frames."),
    ("score_transform", "fir", "smoothing:FIR", "Weighted sum of neighbouring frames."),
    ("score_transform", "truncated_gaussian", "smoothing:TruncatedGaussian", "AED-MAE's smoothing."),
    ("metric", "micro_auc", "metrics:MicroAUC", "AUC over all frames together."),
    ("metric", "macro_auc", "metrics:MacroAUC", "Mean of the per-video AUCs."),
    ("metric", "eer", "metrics:EER", "Equal error rate."),
    ("metric", "average_precision", "metrics:AveragePrecision", "Average precision."),
    ("metric", "decidability", "metrics:Decidability", "Decidability index d'."),
    ("metric", "alarms", "alarms:Alarms", "False alarms per hour, delay, precision."),
    (
        "metric",
        "rbdc_tbdc",
        "localization.region_criteria:RegionCriteria",
        "Region- and track-based detection (RBDC, TBDC).",
    ),
    ("metric", "pixel_auc", "localization.pixel_auc:PixelAUC", "Pixel-level AUC."),
    ("reporter", "console", "reporters.console:Console", "A table in the terminal."),
    ("reporter", "json", "reporters.json_file:Json", "Writes metrics.json."),
    ("reporter", "html", "reporters.html:Html", "Writes report.html, an interactive page."),
    ("reporter", "figures", "reporters.figures:Figures", "Figures: score curves and ROC."),
    ("reporter", "histograms", "reporters.histograms:Histograms", "Figure: likelihoods of both classes."),
    ("reporter", "weight_curve", "reporters.weight_curve:WeightCurve", "Figure: AUC over a weight."),
    ("reporter", "error_maps", "reporters.error_maps:ErrorMaps", "Figure: error maps of frames."),
    ("reporter", "worst_frames", "reporters.worst_frames:WorstFrames", "Figure: the frames with the worst scores."),
    ("optimizer", "adam", "optimizers:Adam", "Adam optimizer."),
    ("optimizer", "adagrad", "optimizers:AdaGrad", "AdaGrad optimizer."),
    ("optimizer", "sgd", "optimizers:SGD", "Stochastic gradient descent."),
    ("lr_scheduler", "cosine", "schedules:Cosine", "Cosine decay of the learning rate."),
    ("lr_scheduler", "steps", "schedules:Steps", "Step decay of the learning rate."),
    ("lr_scheduler", "constant", "schedules:Constant", "Constant learning rate."),
]


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce every component of this package, kind by kind."""
    return [Component(kind, name, f"vadkit_standard.{target}", summary) for kind, name, target, summary in _COMPONENTS]
