"""Published baselines that the paper compares with, and a floor that learns nothing."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Everything of this package."""
    return [
        Component("encoder", "convae", "vadkit_baselines.convae:ConvAE", "Frames as channels (Hasan 2016)."),
        Component("decoder", "convae", "vadkit_baselines.convae:ConvAEDecoder", "Deconvolutions and unpoolings."),
        Component("encoder", "convlstm", "vadkit_baselines.convlstm:ConvLSTM", "2-D, then ConvLSTM (Chong 2017)."),
        Component("decoder", "convlstm", "vadkit_baselines.convlstm:ConvLSTMDecoder", "ConvLSTM, then 2-D."),
        Component("encoder", "stae", "vadkit_baselines.stae:STAE", "3-D convolutions and poolings (Zhao 2017)."),
        Component("decoder", "stae", "vadkit_baselines.stae:STAEDecoder", "Reconstructs, and predicts what comes."),
        Component("loss", "stae", "vadkit_baselines.stae:STAELoss", "Prediction counts less further ahead."),
        Component("encoder", "memae", "vadkit_baselines.memae:MemAE", "Strided 3-D convolutions (Gong 2019)."),
        Component("bottleneck", "memory", "vadkit_baselines.memae:Memory", "Codes from learned items (Gong 2019)."),
        Component("decoder", "memae", "vadkit_baselines.memae:MemAEDecoder", "The encoder mirrored."),
        Component(
            "scorer",
            "frame_difference",
            "vadkit_baselines.difference:FrameDifference",
            "Worst patch of the change between frames: a floor.",
        ),
        Component("encoder", "unet", "vadkit_baselines.prediction:UNetEncoder", "Future frame prediction's U-Net."),
        Component("decoder", "unet", "vadkit_baselines.prediction:UNetDecoder", "Future frame prediction's U-Net."),
        Component("loss", "flow", "vadkit_baselines.flow:Flow", "Difference of optical flows, without FlowNet."),
        Component("encoder", "mnad", "vadkit_baselines.mnad:MNADEncoder", "Queries for a memory (Park 2020)."),
        Component("bottleneck", "mnad_memory", "vadkit_baselines.mnad_memory:MNADMemory", "Items written at test."),
        Component("decoder", "mnad", "vadkit_baselines.mnad:MNADDecoder", "Queries and what they read, to frames."),
        Component("encoder", "lsa", "vadkit_baselines.lsa:LSAEncoder", "A code for each time step (Abati 2019)."),
        Component(
            "bottleneck", "autoregressive", "vadkit_baselines.autoregression:Autoregressive", "A code's density."
        ),
        Component("decoder", "lsa", "vadkit_baselines.lsa:LSADecoder", "Codes to frames."),
        Component("loss", "adversarial", "vadkit_baselines.adversarial:Adversarial", "Against a discriminator."),
    ]
