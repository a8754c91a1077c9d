"""Divergences of normal distributions, given their means and log-variances."""

from .. import primitives as p
from .. import special
from ..loss import loss


@loss("(d),(d),(d),(d)->()")
def gaussian_kl_divergence(xp, mean, log_variance, prior_mean=0.0, prior_log_variance=0.0):
    """The relative entropy of a normal distribution with respect to a prior one."""
    s, t = log_variance, prior_log_variance
    gap, error = _gap(xp, s, t)
    # Of two variances of 0 the means decide, where they differ.
    gap = xp.where(_pointlike(xp, mean, s, prior_mean, t), 0.0, gap)
    _, half_square = special.weighted_residual(xp, mean, prior_mean, t)
    # An infinite variance is infinitely far by itself, whatever the residual.
    half_square = xp.where(t == xp.inf, p.zero(xp, mean - prior_mean), half_square)
    return xp.sum(_half_excess(xp, gap, error, 0.5 * s - 0.5 * t) + half_square, axis=-1)


@gaussian_kl_divergence.gradient("mean", "prior_mean")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    slope, _ = special.weighted_residual(xp, mean, prior_mean, prior_log_variance)
    slope = _where_defined(xp, slope, mean, log_variance, prior_mean, prior_log_variance)
    return slope, -slope


@gaussian_kl_divergence.gradient("log_variance")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    slope = _half_expm1(xp, *_gap(xp, log_variance, prior_log_variance))
    return _where_defined(xp, slope, mean, log_variance, prior_mean, prior_log_variance)


@gaussian_kl_divergence.gradient("prior_log_variance")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    s, t = log_variance, prior_log_variance
    gap, error = _gap(xp, s, t)
    gap = xp.where(_pointlike(xp, mean, s, prior_mean, t), 0.0, gap)
    _, half_square = special.weighted_residual(xp, mean, prior_mean, t)
    slope = -_half_expm1(xp, gap, error) - half_square
    return _where_defined(xp, slope, mean, s, prior_mean, t)


@gaussian_kl_divergence.curvature("mean", "prior_mean")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    bend = xp.exp(-prior_log_variance)
    bend = _where_defined(xp, bend, mean, log_variance, prior_mean, prior_log_variance)
    return bend, bend


@gaussian_kl_divergence.curvature("log_variance")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    bend = _half_exp(xp, *_gap(xp, log_variance, prior_log_variance))
    return _where_defined(xp, bend, mean, log_variance, prior_mean, prior_log_variance)


@gaussian_kl_divergence.curvature("prior_log_variance")
def _(xp, mean, log_variance, prior_mean, prior_log_variance):
    s, t = log_variance, prior_log_variance
    gap, error = _gap(xp, s, t)
    gap = xp.where(_pointlike(xp, mean, s, prior_mean, t), 0.0, gap)
    _, half_square = special.weighted_residual(xp, mean, prior_mean, t)
    bend = _half_exp(xp, gap, error) + half_square
    return _where_defined(xp, bend, mean, s, prior_mean, t)


def _gap(xp, s, t):
    """s - t and its rounding error, which the exponential would enlarge."""
    gap, error = p.two_sum(s, -t)
    # Not where the exponential is 0 or infinite anyway, and the error may exceed 1.
    return gap, xp.stop_gradient(xp.where((gap < 2048.0) & (gap > -2048.0), error, 0.0))


def _half_excess(xp, gap, error, half_gap):
    """(e^x - 1 - x) / 2 for x = gap + error: x^2 / 4 where x is small."""
    high, low = gap > 64.0, gap < -64.0
    x = xp.where(high | low, 0.0, gap)
    linear = xp.expm1(x)
    near = (x < 1.0) & (x > -1.0)
    small = xp.where(near, x, 0.0)
    series = (0.5 * small) * (0.5 * small) * special.exp_excess(small)
    excess = xp.where(near, series, 0.5 * (linear - x)) + 0.5 * error * linear
    # 1 and x are nothing beside e^64, nor is e^-64 beside 1; the half may be finite where x is not.
    excess = xp.where(high, _half_exp(xp, xp.where(high, gap, 0.0), error), excess)
    return xp.where(low, -0.5 - half_gap, excess)


def _half_expm1(xp, gap, error):
    """(e^x - 1) / 2 for x = gap + error."""
    high = gap > 64.0
    linear = xp.expm1(xp.where(high, 0.0, gap))
    far = _half_exp(xp, xp.where(high, gap, 0.0), error)
    return xp.where(high, far, 0.5 * (linear + (linear + 1.0) * error))


def _half_exp(xp, gap, error):
    """e^x / 2 for x = gap + error, also where e^x overflows."""
    root = xp.exp(0.5 * gap)
    return (0.5 * root) * root * (1.0 + error)


def _pointlike(xp, mean, s, prior_mean, t):
    """Where neither distribution has any variance, and their means differ: an infinite loss."""
    return (s == -xp.inf) & (t == -xp.inf) & (mean != prior_mean)


def _where_defined(xp, derivative, mean, s, prior_mean, t):
    """NaN for examples in which some component has a NaN, or infinities that have no limit."""
    unknown = xp.isnan(s - t) & ~_pointlike(xp, mean, s, prior_mean, t)
    undefined = xp.any(xp.isnan(mean - prior_mean) | unknown, axis=-1, keepdims=True)
    return xp.where(undefined, xp.nan, derivative)
