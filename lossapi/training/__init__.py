"""What stands around a loss in training: labels, weights, gradients and the scale of the loss.

Every function is pure: it changes nothing in place, gives new arrays, and runs under ``jax.jit``.
Gradients and parameters are arrays of any library, alone or in lists, tuples and dictionaries
within one another; ``None`` stands for a gradient that there is none of and stays ``None``.
"""

from .adam import AdamState, adam_state, adam_update
from .clipping import clip_by_global_norm, clip_by_value, global_norm
from .fisher import fisher_information, natural_gradient, softmax_fisher_information
from .labels import smooth_labels
from .loss_scale import DynamicLossScale, all_finite, scale_loss, select_tree, unscale_gradients
from .weights import class_weights, sampling_weights

__all__ = [
    "AdamState",
    "DynamicLossScale",
    "adam_state",
    "adam_update",
    "all_finite",
    "class_weights",
    "clip_by_global_norm",
    "clip_by_value",
    "fisher_information",
    "global_norm",
    "natural_gradient",
    "sampling_weights",
    "scale_loss",
    "select_tree",
    "smooth_labels",
    "softmax_fisher_information",
    "unscale_gradients",
]
