"""Published baselines that the paper compares with, and a baseline without learning."""

from vadkit.api import Component, hookimpl


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce every component of this package."""
    return [
        Component(
            "encoder", "convae", "vadkit_baselines.convae:ConvAE", "2-D convolutions on stacked frames (Hasan 2016)."
        ),
        Component("decoder", "convae", "vadkit_baselines.convae:ConvAEDecoder", "Decoder of ConvAE, with unpooling."),
        Component(
            "encoder", "convlstm", "vadkit_baselines.convlstm:ConvLSTM", "2-D convolutions, then ConvLSTM (Chong 2017)."
        ),
        Component(
            "decoder", "convlstm", "vadkit_baselines.convlstm:ConvLSTMDecoder", "ConvLSTM, then 2-D deconvolutions."
        ),
        Component("encoder", "stae", "vadkit_baselines.stae:STAE", "3-D convolutions and poolings (Zhao 2017)."),
        Component(
            "decoder", "stae", "vadkit_baselines.stae:STAEDecoder", "Decoder of STAE: reconstruction and prediction."
        ),
        Component(
            "loss", "stae", "vadkit_baselines.stae:STAELoss", "Loss of STAE: reconstruction and prediction error."
        ),
        Component("encoder", "memae", "vadkit_baselines.memae:MemAE", "Strided 3-D convolutions (Gong 2019)."),
        Component("bottleneck", "memory", "vadkit_baselines.memae:Memory", "Memory of learned items (Gong 2019)."),
        Component("decoder", "memae", "vadkit_baselines.memae:MemAEDecoder", "Transposed 3-D convolutions."),
        Component(
            "scorer",
            "frame_difference",
            "vadkit_baselines.difference:FrameDifference",
            "Largest patch of the change between frames; learns nothing.",
        ),
        Component(
            "encoder", "unet", "vadkit_baselines.prediction:UNetEncoder", "Contracting half of a U-Net (Liu 2018)."
        ),
        Component(
            "decoder", "unet", "vadkit_baselines.prediction:UNetDecoder", "Expanding half of a U-Net (Liu 2018)."
        ),
        Component("loss", "flow", "vadkit_baselines.flow:Flow", "Optical-flow difference (Horn and Schunck)."),
        Component("encoder", "mnad", "vadkit_baselines.mnad:MNADEncoder", "Queries for a memory (Park 2020)."),
        Component(
            "bottleneck", "mnad_memory", "vadkit_baselines.mnad_memory:MNADMemory", "Memory updated at test time."
        ),
        Component("decoder", "mnad", "vadkit_baselines.mnad:MNADDecoder", "Queries and memory items to frames."),
        Component("encoder", "lsa", "vadkit_baselines.lsa:LSAEncoder", "One code per time step (Abati 2019)."),
        Component(
            "bottleneck",
            "autoregressive",
            "vadkit_baselines.autoregression:Autoregressive",
            "Autoregressive density of codes.",
        ),
        Component("decoder", "lsa", "vadkit_baselines.lsa:LSADecoder", "Codes to frames."),
        Component("loss", "adversarial", "vadkit_baselines.adversarial:Adversarial", "Least-squares GAN loss."),
    ]
