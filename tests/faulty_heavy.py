"""A metric that imports torch."""

import torch
from faulty_parts import HonestMetric


class Heavy(HonestMetric):
    """As the honest one."""

    zero = torch.zeros(())
