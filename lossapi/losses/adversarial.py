"""Losses of two networks that play against each other: one makes samples, the other judges them."""

from .. import primitives as p
from ..loss import loss
from .transport import kantorovich_rubinstein_objective

# --- a discriminator's logits


@loss("(n),(m)->()", label_smoothing="[0, 1]")
def gan_discriminator_loss(xp, real_logits, fake_logits, *, label_smoothing=0.0):
    """The mean cross-entropy of real samples, plus that of generated ones."""
    negative, positive = p.softplus_pair(xp, real_logits)
    real = p.times(xp, 1.0 - label_smoothing, positive) + p.times(xp, label_smoothing, negative)
    return p.mean(xp, real) + p.mean(xp, p.softplus(xp, fake_logits))


@gan_discriminator_loss.gradient("real_logits", "fake_logits")
def _(xp, real_logits, fake_logits, *, label_smoothing):
    probability, complement = p.sigmoid_pair(xp, real_logits)
    real = label_smoothing * probability - (1.0 - label_smoothing) * complement
    fake = p.sigmoid(xp, fake_logits)
    return (
        p.nan_if_any(xp, real / real.shape[-1], real_logits, fake_logits),
        p.nan_if_any(xp, fake / fake.shape[-1], real_logits, fake_logits),
    )


@loss("()->()", saturating="{false, true}")
def gan_generator_loss(xp, fake_logits, *, saturating=False):
    """How little a discriminator is deceived by a generated sample."""
    negative, positive = p.softplus_pair(xp, fake_logits)
    return -negative if saturating else positive


@gan_generator_loss.gradient("fake_logits")
def _(xp, fake_logits, *, saturating):
    probability, complement = p.sigmoid_pair(xp, fake_logits)
    return -probability if saturating else -complement


@gan_generator_loss.curvature("fake_logits")
def _(xp, fake_logits, *, saturating):
    probability, complement = p.sigmoid_pair(xp, fake_logits)
    return -probability * complement if saturating else probability * complement


# --- a critic's scores


@loss("(n),(m)->()")
def wgan_critic_loss(xp, real_scores, fake_scores):
    """How much higher a critic scores generated samples than real ones, on average."""
    return kantorovich_rubinstein_objective.kernel(xp, real_scores, fake_scores)


@wgan_critic_loss.gradient("real_scores", "fake_scores")
def _(xp, real_scores, fake_scores):
    _, slopes = kantorovich_rubinstein_objective.gradients["prediction_scores"]
    return slopes(xp, real_scores, fake_scores)


@loss("()->()")
def wgan_generator_loss(xp, fake_scores):
    """How low a critic scores a generated sample."""
    return -fake_scores


@wgan_generator_loss.gradient("fake_scores")
def _(xp, fake_scores):
    return p.zero(xp, fake_scores) - xp.ones_like(fake_scores)


@wgan_generator_loss.curvature("fake_scores")
def _(xp, fake_scores):
    return p.zero(xp, fake_scores)


@loss("(n),(m)->()", real_target="(-inf, inf)", fake_target="(-inf, inf)")
def least_squares_gan_discriminator_loss(
    xp, real_scores, fake_scores, *, real_target=1.0, fake_target=0.0
):
    """Half the mean squared error of real samples, plus that of generated ones."""
    real = _half_mean_square(xp, real_scores, real_target)
    return real + _half_mean_square(xp, fake_scores, fake_target)


@least_squares_gan_discriminator_loss.gradient("real_scores", "fake_scores")
def _(xp, real_scores, fake_scores, *, real_target, fake_target):
    return (
        p.nan_if_any(xp, _mean_slope(xp, real_scores, real_target), real_scores, fake_scores),
        p.nan_if_any(xp, _mean_slope(xp, fake_scores, fake_target), real_scores, fake_scores),
    )


def _half_mean_square(xp, scores, target):
    # In units in which no square overflows that the number of samples brings back, or underflows.
    residual = scores - target
    factor = p.to_middle(xp, residual)
    scaled = residual * factor
    mean = 0.5 * xp.sum(scaled * scaled, axis=-1) / scores.shape[-1]
    back = (1.0 / factor)[..., 0]
    return mean * back * back


def _mean_slope(xp, scores, target):
    # In halves where the residual overflows and the number of samples brings it back.
    residual, count = scores - target, scores.shape[-1]
    wide = xp.isinf(residual)
    half = 0.5 * xp.where(wide, scores, 0.0) - 0.5 * target
    return xp.where(wide, 2.0 * (half / count), residual / count)


@loss("()->()", generator_target="(-inf, inf)")
def least_squares_gan_generator_loss(xp, fake_scores, *, generator_target=1.0):
    """Half the squared distance of a generated sample's score from what it is to be."""
    residual = fake_scores - generator_target
    return (0.5 * residual) * residual


@least_squares_gan_generator_loss.gradient("fake_scores")
def _(xp, fake_scores, *, generator_target):
    return fake_scores - generator_target


@least_squares_gan_generator_loss.curvature("fake_scores")
def _(xp, fake_scores, *, generator_target):
    return 1.0 + p.zero(xp, fake_scores)


# --- what keeps a critic smooth


@loss("(d)->()", center="[0, inf)", weight="[0, inf)", one_sided="{false, true}")
def gradient_penalty(xp, gradients, *, center=1.0, weight=10.0, one_sided=False):
    """The weighted square of how far the length of a critic's gradient is from what it is to be."""
    if not weight:
        return p.zero(xp, xp.sum(p.zero(xp, gradients), axis=-1))
    if not xp.differentiates:
        return _near_penalty(xp, gradients, center, weight, one_sided)
    # Differentiated, a long gradient's length would meet the inverse of its factor: w |g|^2 leaves
    # that to the smaller term -2 w c |g|, and leaves that out beside infinity.
    size, _, factor = _length(xp, xp.stop_gradient(gradients))
    far = (factor < 1.0) & (size > 2.0 * center * factor)
    near = _near_penalty(xp, xp.where(far, 1.0, gradients), center, weight, one_sided)
    long = xp.where(far, gradients, 0.0)
    penalty = xp.sum((weight * long) * long, axis=-1)
    finite = far & ~xp.isinf(penalty)[..., None]
    size, _, factor = _length(xp, xp.where(finite, gradients, 0.0))
    penalty = penalty - weight * center * (2.0 * size / factor - center)[..., 0]
    return xp.where(far[..., 0], penalty, near)


def _near_penalty(xp, gradients, center, weight, one_sided):
    size, _, factor = _length(xp, gradients)
    excess = (size / factor - center)[..., 0]
    if one_sided:
        excess = xp.where(excess <= 0, 0.0, excess)
    return weight * excess * excess


@gradient_penalty.gradient("gradients")
def _(xp, gradients, *, center, weight, one_sided):
    # 2 w (|g| - c) g / |g|: of long gradients the quotient with the length first, which may be
    # infinite; of short ones the direction, as that quotient may.
    if not weight:
        return p.nan_if_any(xp, xp.zeros_like(gradients), gradients)
    size, scaled, factor = _length(xp, gradients)
    finite = ~xp.isinf(size)
    length = xp.where(finite, size, 1.0)
    long = (length > 0) & (length >= center * factor)
    divisor = xp.where(long, length, 1.0)
    share = xp.where(long & finite, (divisor - center * factor) / divisor, 1.0)
    near = 0.0
    if not one_sided:
        # Components that are small in the direction already are lifted, until all is multiplied.
        lift = p.to_middle(xp, scaled[..., None])[..., 0]
        step = 2.0 * weight * (length / factor - center)
        near = step * (scaled * lift / xp.where(size == 0, 1.0, size)) / lift
    return xp.where(long, 2.0 * weight * share * gradients, near + p.zero(xp, size))


def _length(xp, x):
    """The length and the vector, times a factor of its own, and that; of shape (..., 1) but one."""
    factor = p.to_middle(xp, x)
    scaled = x * factor
    total = xp.sum(scaled * scaled, axis=-1, keepdims=True)
    vanishes = total == 0
    size = xp.where(vanishes, 0.0, xp.sqrt(xp.where(vanishes, 1.0, total)))
    return size, scaled, factor
