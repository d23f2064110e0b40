"""Published baselines that the paper compares with, and a baseline without learning."""

from vadkit.api import Component, hookimpl

_COMPONENTS = [  # kind, name, module and class in this package, summary
    ("encoder", "convae", "convae:ConvAE", "2-D convolutions on stacked frames (Hasan 2016)."),
    ("decoder", "convae", "convae:ConvAEDecoder", "Decoder of ConvAE, with unpooling."),
    ("encoder", "convlstm", "convlstm:ConvLSTM", "2-D convolutions, then ConvLSTM (Chong 2017)."),
    ("decoder", "convlstm", "convlstm:ConvLSTMDecoder", "ConvLSTM, then 2-D deconvolutions."),
    ("encoder", "stae", "stae:STAE", "3-D convolutions and poolings (Zhao 2017)."),
    ("decoder", "stae", "stae:STAEDecoder", "Decoder of STAE: reconstruction and prediction."),
    ("loss", "stae", "stae:STAELoss", "Loss of STAE: reconstruction and prediction error."),
    ("encoder", "memae", "memae:MemAE", "Strided 3-D convolutions (Gong 2019)."),
    ("bottleneck", "memory", "memae:Memory", "Memory of learned items (Gong 2019)."),
    ("decoder", "memae", "memae:MemAEDecoder", "Transposed 3-D convolutions."),
    (
        "scorer",
        "frame_difference",
        "difference:FrameDifference",
        "Largest patch of the change between frames; learns nothing.",
    ),
    ("encoder", "unet", "prediction:UNetEncoder", "Contracting half of a U-Net (Liu 2018)."),
    ("decoder", "unet", "prediction:UNetDecoder", "Expanding half of a U-Net (Liu 2018)."),
    ("loss", "flow", "flow:Flow", "Optical-flow difference (Horn and Schunck)."),
    ("encoder", "mnad", "mnad:MNADEncoder", "Queries for a memory (Park 2020)."),
    ("bottleneck", "mnad_memory", "mnad_memory:MNADMemory", "Memory updated at test time."),
    ("decoder", "mnad", "mnad:MNADDecoder", "Queries and memory items to frames."),
    ("encoder", "lsa", "lsa:LSAEncoder", "One code per time step (Abati 2019)."),
    ("bottleneck", "autoregressive", "autoregression:Autoregressive", "Autoregressive density of codes."),
    ("decoder", "lsa", "lsa:LSADecoder", "Codes to frames."),
    ("encoder", "cross_channel", "cross_channel:CrossEncoder", "A frame and its flow (Ravanbakhsh 2017)."),
    ("decoder", "cross_channel", "cross_channel:CrossDecoder", "Flow of the frame, frame of the flow."),
    ("loss", "cross_adversarial", "cross_channel:CrossAdversarial", "Two conditional GANs, after pix2pix."),
    ("scorer", "cross_error", "cross_channel:CrossError", "Error of the generated frame or flow."),
    ("encoder", "dissociate", "dissociation:DissociateEncoder", "Last frame, and motion (Chang 2020)."),
    ("bottleneck", "clusters", "dissociation:Clusters", "Soft k-means of codes (Chang 2020)."),
    ("decoder", "dissociate", "dissociation:DissociateDecoder", "Last frame, and differences from it."),
    ("augmentation", "patch_transform", "fastano:PatchTransform", "A patch rotated or shuffled in time (Park 2022)."),
    ("encoder", "fastano", "fastano:FastAnoEncoder", "Three strided 3-D convolutions (Park 2022)."),
    ("decoder", "fastano", "fastano:FastAnoDecoder", "Maps of three levels to one frame."),
    ("encoder", "skip_vae", "variational:SkipVAEEncoder", "2-D convolutions and poolings (Wang 2019)."),
    ("bottleneck", "variational", "variational:Variational", "Variational code of a latent (Wang 2019)."),
    ("decoder", "skip_vae", "variational:SkipVAEDecoder", "Code and skip connections to frames."),
    ("encoder", "unet_3d", "stcen:UNet3DEncoder", "Contracting half of a U-Net in 3-D, to 2-D maps (Hao 2022)."),
    ("loss", "clip_adversarial", "stcen:ClipAdversarial", "Least-squares GAN loss, 3-D discriminator (Hao 2022)."),
    ("feature", "patches", "patches:Patches", "Square patches of frames, as samples at places (Xu 2015)."),
    ("feature", "region_sequences", "regions:RegionSequences", "A latent's means over regions, as sequences."),
    ("density", "tsc", "sparse:TSC", "Temporally coherent sparse coding; not in nats (Luo 2017)."),
    ("density", "stack_rnn", "sparse:StackRNN", "Sparse coding as a stacked RNN; not in nats (Luo 2017)."),
    ("loss", "adversarial", "adversarial:Adversarial", "Least-squares GAN loss."),
]


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce every component of this package."""
    return [Component(kind, name, f"vadkit_baselines.{target}", summary) for kind, name, target, summary in _COMPONENTS]
