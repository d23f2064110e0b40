"""The components that most recipes use: losses, features, scorers, transforms, metrics, reporters, optimizers."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce every component of this package, kind by kind."""
    return [
        Component("loss", "l2", "vadkit_standard.losses:L2", "Mean squared error of pixels."),
        Component("loss", "ms_ssim", "vadkit_standard.losses:MSSSIM", "1 minus multi-scale SSIM."),
        Component("loss", "gradient", "vadkit_standard.losses:Gradient", "Difference of image gradients."),
        Component("feature", "channel_pool", "vadkit_standard.features:ChannelPool", "Maximum and mean over channels."),
        Component("feature", "vector_pool", "vadkit_standard.features:VectorPool", "Maximum and mean over space."),
        Component("feature", "frames", "vadkit_standard.features:Frames", "Raw frames, resized."),
        Component("scorer", "patch_error", "vadkit_standard.scorers:PatchError", "Largest patch error of a frame."),
        Component("scorer", "frame_error", "vadkit_standard.scorers:FrameError", "Mean error of a frame."),
        Component("scorer", "clip_error", "vadkit_standard.scorers:ClipError", "Mean error of a clip."),
        Component("scorer", "psnr", "vadkit_standard.psnr:PSNR", "Negative peak signal-to-noise ratio, dB."),
        Component(
            "scorer", "bottleneck", "vadkit_standard.bottleneck:BottleneckScore", "A score of the model's bottleneck."
        ),
        Component("scorer", "nll", "vadkit_standard.scorers:NLL", "Sum of negative log-likelihoods."),
        Component("score_transform", "minmax", "vadkit_standard.transforms:MinMax", "Min-max scaling to [0, 1]."),
        Component(
            "score_transform", "zscore", "vadkit_standard.transforms:ZScore", "Standard deviations from the mean."
        ),
        Component("score_transform", "rank", "vadkit_standard.transforms:Rank", "Share of lower scores, in [0, 1]."),
        Component("score_transform", "log_probability", "vadkit_standard.transforms:LogProbability", "-log p-value."),
        Component("score_transform", "gaussian", "vadkit_standard.smoothing:Gaussian", "Gaussian smoothing over time."),
        Component("score_transform", "median", "vadkit_standard.smoothing:Median", "Median filter over time."),
        Component(
            "score_transform", "exponential", "vadkit_standard.smoothing:Exponential", "Moving average of past frames."
        ),
        Component(
            "score_transform",
            "truncated_gaussian",
            "vadkit_standard.smoothing:TruncatedGaussian",
            "AED-MAE's smoothing.",
        ),
        Component("metric", "micro_auc", "vadkit_standard.metrics:MicroAUC", "AUC over all frames together."),
        Component("metric", "macro_auc", "vadkit_standard.metrics:MacroAUC", "Mean of the per-video AUCs."),
        Component("metric", "eer", "vadkit_standard.metrics:EER", "Equal error rate."),
        Component("metric", "average_precision", "vadkit_standard.metrics:AveragePrecision", "Average precision."),
        Component("metric", "decidability", "vadkit_standard.metrics:Decidability", "Decidability index d'."),
        Component("metric", "alarms", "vadkit_standard.alarms:Alarms", "False alarms per hour, delay, precision."),
        Component(
            "metric",
            "rbdc_tbdc",
            "vadkit_standard.localization.region_criteria:RegionCriteria",
            "Region- and track-based detection (RBDC, TBDC).",
        ),
        Component("metric", "pixel_auc", "vadkit_standard.localization.pixel_auc:PixelAUC", "Pixel-level AUC."),
        Component("reporter", "console", "vadkit_standard.reporters.console:Console", "A table in the terminal."),
        Component("reporter", "json", "vadkit_standard.reporters.json_file:Json", "Writes metrics.json."),
        Component("reporter", "figures", "vadkit_standard.reporters.figures:Figures", "Figures: score curves and ROC."),
        Component(
            "reporter",
            "histograms",
            "vadkit_standard.reporters.histograms:Histograms",
            "Figure: likelihoods of both classes.",
        ),
        Component(
            "reporter",
            "weight_curve",
            "vadkit_standard.reporters.weight_curve:WeightCurve",
            "Figure: AUC over a weight.",
        ),
        Component(
            "reporter", "error_maps", "vadkit_standard.reporters.error_maps:ErrorMaps", "Figure: error maps of frames."
        ),
        Component(
            "reporter",
            "worst_frames",
            "vadkit_standard.reporters.worst_frames:WorstFrames",
            "Figure: the frames with the worst scores.",
        ),
        Component("optimizer", "adam", "vadkit_standard.optimizers:Adam", "Adam optimizer."),
        Component("optimizer", "adagrad", "vadkit_standard.optimizers:AdaGrad", "AdaGrad optimizer."),
        Component("optimizer", "sgd", "vadkit_standard.optimizers:SGD", "Stochastic gradient descent."),
        Component("lr_scheduler", "cosine", "vadkit_standard.schedules:Cosine", "Cosine decay of the learning rate."),
        Component("lr_scheduler", "steps", "vadkit_standard.schedules:Steps", "Step decay of the learning rate."),
        Component("lr_scheduler", "constant", "vadkit_standard.schedules:Constant", "Constant learning rate."),
    ]
