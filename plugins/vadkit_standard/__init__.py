"""The parts that most recipes share: losses, features, scorers, transforms, metrics, reporters."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Everything of this package, kind by kind."""
    return [
        Component("loss", "l2", "vadkit_standard.losses:L2", "Mean squared error of pixels (Eq. 8)."),
        Component("loss", "ms_ssim", "vadkit_standard.losses:MSSSIM", "One minus multi-scale SSIM."),
        Component("loss", "gradient", "vadkit_standard.losses:Gradient", "Difference of image gradients."),
        Component("feature", "channel_pool", "vadkit_standard.features:ChannelPool", "Max and mean over channels."),
        Component("feature", "vector_pool", "vadkit_standard.features:VectorPool", "Max and mean over space."),
        Component("feature", "frames", "vadkit_standard.features:Frames", "Raw frames, resized."),
        Component("scorer", "patch_error", "vadkit_standard.scorers:PatchError", "Worst patch of a frame (Eq. 12)."),
        Component("scorer", "frame_error", "vadkit_standard.scorers:FrameError", "Mean error of a frame."),
        Component("scorer", "clip_error", "vadkit_standard.scorers:ClipError", "Mean error of a clip, for one frame."),
        Component("scorer", "psnr", "vadkit_standard.psnr:PSNR", "Peak signal-to-noise ratio, negated, dB."),
        Component("scorer", "bottleneck", "vadkit_standard.bottleneck:BottleneckScore", "A score of the bottleneck."),
        Component("scorer", "nll", "vadkit_standard.scorers:NLL", "Summed likelihoods of densities (Eq. 13)."),
        Component("score_transform", "minmax", "vadkit_standard.transforms:MinMax", "To [0, 1] (norm of Eq. 13)."),
        Component("score_transform", "zscore", "vadkit_standard.transforms:ZScore", "In deviations from a mean."),
        Component("score_transform", "rank", "vadkit_standard.transforms:Rank", "Share of lower scores."),
        Component("score_transform", "log_probability", "vadkit_standard.transforms:LogProbability", "Rarity, nats."),
        Component("score_transform", "gaussian", "vadkit_standard.smoothing:Gaussian", "Gaussian smoothing."),
        Component("score_transform", "median", "vadkit_standard.smoothing:Median", "Median of the frames around."),
        Component(
            "score_transform", "exponential", "vadkit_standard.smoothing:Exponential", "Smoothing of the past alone."
        ),
        Component("score_transform", "truncated_gaussian", "vadkit_standard.smoothing:TruncatedGaussian", "AED-MAE's."),
        Component("metric", "micro_auc", "vadkit_standard.metrics:MicroAUC", "One ROC over all frames."),
        Component("metric", "macro_auc", "vadkit_standard.metrics:MacroAUC", "Mean of the videos' AUCs."),
        Component("metric", "eer", "vadkit_standard.metrics:EER", "Equal error rate."),
        Component("metric", "average_precision", "vadkit_standard.metrics:AveragePrecision", "Mean precision."),
        Component("metric", "decidability", "vadkit_standard.metrics:Decidability", "Distance of the two classes."),
        Component("metric", "alarms", "vadkit_standard.alarms:Alarms", "False alarms an hour, delay, precision."),
        Component(
            "metric",
            "rbdc_tbdc",
            "vadkit_standard.localization.region_criteria:RegionCriteria",
            "Regions and tracks found, at up to 1 false positive per frame.",
        ),
        Component(
            "metric",
            "pixel_auc",
            "vadkit_standard.localization.pixel_auc:PixelAUC",
            "Frames found by 40 % of their pixels.",
        ),
        Component("reporter", "console", "vadkit_standard.reporters.console:Console", "A table on the terminal."),
        Component("reporter", "json", "vadkit_standard.reporters.json_file:Json", "metrics.json."),
        Component("reporter", "figures", "vadkit_standard.reporters.figures:Figures", "Score curves and ROC."),
        Component(
            "reporter", "histograms", "vadkit_standard.reporters.histograms:Histograms", "Likelihoods of both classes."
        ),
        Component(
            "reporter", "weight_curve", "vadkit_standard.reporters.weight_curve:WeightCurve", "AUC against a weight."
        ),
        Component(
            "reporter", "error_maps", "vadkit_standard.reporters.error_maps:ErrorMaps", "Where frames are in error."
        ),
        Component(
            "reporter",
            "worst_frames",
            "vadkit_standard.reporters.worst_frames:WorstFrames",
            "The frames that are most wrong.",
        ),
        Component("optimizer", "adam", "vadkit_standard.optimizers:Adam", "Adam."),
        Component("optimizer", "adagrad", "vadkit_standard.optimizers:AdaGrad", "AdaGrad."),
        Component("optimizer", "sgd", "vadkit_standard.optimizers:SGD", "Stochastic gradient descent."),
        Component("lr_scheduler", "cosine", "vadkit_standard.schedules:Cosine", "Half a cosine down to a floor."),
        Component("lr_scheduler", "steps", "vadkit_standard.schedules:Steps", "Falls at set shares of training."),
        Component("lr_scheduler", "constant", "vadkit_standard.schedules:Constant", "No change."),
    ]
