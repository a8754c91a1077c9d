"""Kernels broken on purpose: each plausible mistake is caught by the check named beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.result import Result
from lossapi.loss import Function
from tests.conformance import wrong_kernels as wrong

Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the check and case that must notice it."""

    mistake: str
    loss: str
    check: str
    case: str
    kernel: Kernel | None = None
    gradient: tuple[tuple[str, ...], Kernel] | None = None
    curvature: tuple[tuple[str, ...], Kernel] | None = None
    pullback: Kernel | None = None
    dtype: str = "float64"
    backend: str = "numpy"


_BOTH = ("prediction", "target")
_OF_CHAINS = ("emissions", "transitions", "start", "end")
_OF_TRANSPORT = ("a", "b", "cost")

MUTANTS = [
    Mutant(
        "log(1 + exp(x)) overflows",
        "softplus",
        "stability",
        "grid/value",
        kernel=wrong.softplus_overflowing,
    ),
    Mutant(
        "log in place of log1p",
        "softplus",
        "stability",
        "grid/value",
        kernel=wrong.softplus_with_log,
    ),
    Mutant(
        "log cosh by a difference that cancels",
        "log_cosh",
        "properties",
        "drawn/value",
        kernel=wrong.log_cosh_cancelling,
    ),
    Mutant(
        "one-hot times -inf",
        "softmax_cross_entropy",
        "stability",
        "grid/value/label_smoothing=0.0",
        kernel=wrong.softmax_cross_entropy_multiplying,
    ),
    Mutant(
        "probabilities clamped to 1e-7",
        "binary_cross_entropy",
        "stability",
        "grid/value/epsilon=0.0",
        kernel=wrong.binary_cross_entropy_clamped,
    ),
    Mutant(
        "exp(x) / (1 + exp(x))",
        "sigmoid",
        "stability",
        "grid/value",
        kernel=wrong.sigmoid_overflowing,
    ),
    Mutant(
        "a comparison that swallows NaN",
        "hinge_loss",
        "stability",
        "grid/value/margin=1.0",
        kernel=wrong.hinge_swallowing_nan,
    ),
    Mutant(
        "quantile and its complement swapped",
        "quantile_loss",
        "properties",
        "drawn/value/quantile=0.25",
        kernel=wrong.quantile_swapped,
    ),
    Mutant(
        "a parameter left out of one branch",
        "smooth_l1_loss",
        "properties",
        "drawn/value/beta=2.0",
        kernel=wrong.smooth_l1_unscaled,
    ),
    Mutant(
        "a parameter ignored",
        "squared_hinge_loss",
        "properties",
        "drawn/value/margin=2.0",
        kernel=wrong.squared_hinge_margin_one,
    ),
    Mutant(
        "the two weights of Tversky change places",
        "tversky_loss",
        "value",
        "recall/value",
        kernel=wrong.tversky_weights_swapped,
    ),
    Mutant(
        "1 taken for a dissimilar pair",
        "contrastive_loss",
        "value",
        "too-close/value",
        kernel=wrong.contrastive_with_the_papers_labels,
    ),
    Mutant(
        "one minus a cosine",
        "cosine_distance",
        "value",
        "nearly-parallel/value",
        kernel=wrong.cosine_from_one,
    ),
    Mutant(
        "a margin of cosines that does nothing",
        "cosine_embedding_loss",
        "value",
        "margin-half/value",
        kernel=wrong.cosine_embedding_without_margin,
    ),
    Mutant(
        "swap forgotten",
        "triplet_margin_loss",
        "value",
        "swapped/value",
        kernel=wrong.triplet_swap_forgotten,
    ),
    Mutant(
        "an epsilon in the differences of a triplet",
        "triplet_margin_loss",
        "value",
        "positive-same/value",
        kernel=wrong.triplet_with_epsilon,
    ),
    Mutant(
        "squared distance to a centre, not halved",
        "center_loss",
        "value",
        "three-classes/value",
        kernel=wrong.center_without_half,
    ),
    Mutant(
        "keys that need not find their queries",
        "info_nce_loss",
        "value",
        "symmetric/value",
        kernel=wrong.info_nce_only_one_way,
    ),
    Mutant(
        "all of the hardest triplets that tie",
        "batch_hard_triplets",
        "value",
        "tied/value",
        kernel=wrong.hard_triplets_of_all_that_tie,
    ),
    Mutant(
        "negatives within the margin, nearer ones too",
        "semi_hard_triplets",
        "value",
        "three/value",
        kernel=wrong.semi_hard_with_hard_ones,
    ),
    Mutant(
        "centres that follow the gradient of their loss",
        "center_update",
        "value",
        "two-classes/value",
        kernel=wrong.center_step_along_the_gradient,
    ),
    Mutant(
        "the power of the Wasserstein distance",
        "wasserstein_distance_1d",
        "value",
        "quadratic/value",
        kernel=wrong.wasserstein_to_the_power,
    ),
    Mutant(
        "masses that are not divided by their sum",
        "wasserstein_distance",
        "value",
        "three-by-two/value",
        kernel=wrong.transport_undivided,
    ),
    Mutant(
        "one set of prices for all places without mass",
        "wasserstein_distance",
        "gradient",
        "massless-places/gradient/b",
        gradient=(_OF_TRANSPORT, wrong.transport_prices_that_hold_together),
    ),
    Mutant(
        "a plan that moves everything everywhere",
        "wasserstein_distance",
        "gradient",
        "two-by-two/gradient/cost",
        gradient=(_OF_TRANSPORT, wrong.transport_plan_of_independence),
    ),
    Mutant(
        "no plan at all where any would do",
        "wasserstein_distance",
        "gradient",
        "two-plans/gradient/cost",
        gradient=(_OF_TRANSPORT, wrong.transport_plan_twice),
    ),
    Mutant(
        "labels that count from one",
        "one_hot",
        "value",
        "middle-of-three/value",
        kernel=wrong.one_hot_counted_from_one,
    ),
    Mutant(
        "an epsilon in every difference",
        "pairwise_distance",
        "value",
        "same/value",
        kernel=wrong.distance_with_epsilon,
    ),
    Mutant(
        "focal alpha on the wrong side",
        "sigmoid_focal_loss",
        "properties",
        "drawn/value/alpha=0.25/gamma=2.0",
        kernel=wrong.focal_balance_swapped,
    ),
    Mutant(
        "a square that overflows before it is halved",
        "half_squared_error",
        "stability",
        "grid/value",
        kernel=wrong.half_squared_overflowing,
        dtype="float32",
    ),
    Mutant(
        "two entropies subtracted",
        "kl_divergence",
        "properties",
        "drawn/value/log_prediction=False/log_target=False",
        kernel=wrong.kl_by_logarithms,
    ),
    Mutant(
        "0 times the logarithm of a class that neither distribution knows",
        "kl_divergence",
        "value",
        "log-both-masked/value",
        kernel=wrong.kl_of_logarithms_subtracted,
    ),
    Mutant(
        "two divergences whose linear terms cancel",
        "js_divergence",
        "value",
        "last-bits-unequal/value",
        kernel=wrong.js_by_divergences,
    ),
    Mutant(
        "two log-gammas subtracted",
        "student_t_nll",
        "value",
        "huge-degrees-of-freedom/value",
        kernel=wrong.student_by_two_log_gammas,
    ),
    Mutant(
        "densities that underflow",
        "gaussian_mixture_nll",
        "value",
        "far-target/value",
        kernel=wrong.mixture_of_densities,
    ),
    Mutant(
        "a norm by the root of a square",
        "absolute_error",
        "transforms",
        "func.grad-masked/gradient/prediction/kink",
        kernel=wrong.absolute_by_root,
        backend="torch",
    ),
    Mutant(
        "the gradient of abs at 0 as libraries give it",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction",
        gradient=(_BOTH, wrong.absolute_slope_without_zero),
    ),
    Mutant(
        "a gradient outside the subdifferential",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction/permitted",
        gradient=(_BOTH, wrong.absolute_slope_of_nowhere),
    ),
    Mutant(
        "the hinge at its margin",
        "hinge_loss",
        "gradient",
        "kink-positive/gradient/logits",
        gradient=(("logits",), wrong.hinge_slope_at_margin),
    ),
    Mutant(
        "softmax minus one-hot",
        "sparse_softmax_cross_entropy",
        "properties",
        "drawn/gradient/logits/label_smoothing=0.0",
        gradient=(("logits",), wrong.sparse_slope_cancelling),
    ),
    Mutant(
        "a log-sigmoid and the logit that it nearly is, as CORAL's code has them",
        "ordinal_binary_cross_entropy",
        "value",
        "very-confident-and-right/value",
        kernel=wrong.ordinal_from_log_sigmoid,
    ),
    Mutant(
        "the threshold above the label counted as passed",
        "ordinal_binary_cross_entropy",
        "value",
        "middle/value",
        kernel=wrong.ordinal_at_the_label,
    ),
    Mutant(
        "a difference of two sigmoids",
        "cumulative_link_loss",
        "value",
        "far-below/value",
        kernel=wrong.cumulative_by_sigmoids,
    ),
    Mutant(
        "the width of an interval from its ends' distances to a far score",
        "cumulative_link_loss",
        "value",
        "adjacent/value",
        kernel=wrong.cumulative_width_from_the_score,
    ),
    Mutant(
        "a slope that cancels in the middle",
        "cumulative_link_loss",
        "gradient",
        "nearly-centred/gradient/score",
        gradient=(("score",), wrong.cumulative_slope_cancelling),
    ),
    Mutant(
        "the other curvature at the kink",
        "huber_loss",
        "curvature",
        "kink-above/hessian_diag/prediction",
        curvature=(_BOTH, wrong.huber_bend_closed),
    ),
    Mutant(
        "a curvature of the wrong sign",
        "sigmoid",
        "properties",
        "drawn/hessian_diag/x",
        curvature=(("x",), wrong.sigmoid_bend_of_other_sign),
    ),
    Mutant(
        "probabilities masked after they were normalised",
        "softmax",
        "shape",
        "left-out/one-class/value/temperature=1.0",
        kernel=wrong.softmax_masked_after,
    ),
    Mutant(
        "label smoothing spread over absent classes too",
        "sparse_softmax_cross_entropy",
        "shape",
        "left-out/a-class-each/value/label_smoothing=0.125",
        kernel=wrong.smoothed_over_absent_classes,
    ),
    Mutant(
        "a bias that is not added",
        "linear_cross_entropy",
        "value",
        "right/value",
        kernel=wrong.layer_without_bias,
    ),
    Mutant(
        "weights of the examples that do not reach the layer",
        "linear_cross_entropy",
        "reduction",
        "weights/mean",
        pullback=wrong.layer_slopes_without_weights,
    ),
    Mutant(
        "label smoothing on both sides",
        "gan_discriminator_loss",
        "value",
        "smoothed/value",
        kernel=wrong.discriminator_smoothed_on_both_sides,
    ),
    Mutant(
        "the logarithm of a sigmoid that rounds to 1",
        "gan_generator_loss",
        "value",
        "fully-deceived/value",
        kernel=wrong.generator_by_logarithm_of_sigmoid,
    ),
    Mutant(
        "the critic's objective as its loss",
        "wgan_critic_loss",
        "value",
        "two-and-three/value",
        kernel=wrong.critic_upside_down,
    ),
    Mutant(
        "a generator that lowers its scores",
        "wgan_generator_loss",
        "value",
        "good/value",
        kernel=wrong.generator_of_the_critics_sign,
    ),
    Mutant(
        "one mean over real and generated samples",
        "least_squares_gan_discriminator_loss",
        "value",
        "two-and-three/value",
        kernel=wrong.least_squares_of_all_samples,
    ),
    Mutant(
        "a square that is not halved",
        "least_squares_gan_generator_loss",
        "value",
        "generated/value",
        kernel=wrong.least_squares_undivided,
    ),
    Mutant(
        "a switch that does nothing",
        "gradient_penalty",
        "value",
        "one-sided-short/value",
        kernel=wrong.penalty_on_both_sides,
    ),
    Mutant(
        "the direction of the zero vector",
        "gradient_penalty",
        "gradient",
        "nought/gradient/gradients",
        gradient=(("gradients",), wrong.penalty_by_plain_norm),
    ),
    Mutant(
        "an impossible action of no advantage",
        "policy_gradient_loss",
        "value",
        "impossible-but-neutral/value",
        kernel=wrong.policy_multiplying_infinity,
    ),
    Mutant(
        "a square before its scale",
        "value_loss",
        "value",
        "square-overflows/value",
        kernel=wrong.value_squared_before_it_is_scaled,
    ),
    Mutant(
        "an entropy that is added",
        "actor_critic_loss",
        "value",
        "defaults/value",
        kernel=wrong.entropy_added,
    ),
    Mutant(
        "a code that is paid for what it keeps",
        "information_bottleneck_loss",
        "value",
        "default/value",
        kernel=wrong.bottleneck_of_the_other_sign,
    ),
    Mutant(
        "a regularizer that sharpens",
        "entropy_regularizer",
        "value",
        "three-classes/value",
        kernel=wrong.regularizer_that_sharpens,
    ),
    Mutant(
        "scores just short of the margin that seem to reach it",
        "margin_ranking_loss",
        "value",
        "short-by-a-rounding/value",
        kernel=wrong.ranking_by_rounded_difference,
    ),
    Mutant(
        "an exponential that enlarges a rounding",
        "bpr_loss",
        "value",
        "rounded-difference/value",
        kernel=wrong.preference_of_rounded_scores,
    ),
    Mutant(
        "pairs that are summed",
        "pairwise_hinge_loss",
        "value",
        "three-grades/value",
        kernel=wrong.pairs_not_divided,
    ),
    Mutant(
        "relevance that is no distribution",
        "listnet_loss",
        "value",
        "three-entries/value",
        kernel=wrong.listnet_of_plain_relevance,
    ),
    Mutant(
        "a rank that counts twice",
        "warp_loss",
        "value",
        "two-within/value",
        kernel=wrong.warp_not_divided_by_rank,
    ),
    Mutant(
        "tokens that are averaged",
        "reinforce_loss",
        "value",
        "three-tokens/value",
        kernel=wrong.reinforce_of_the_mean_token,
    ),
    Mutant(
        "chances that do not sum to one",
        "minimum_risk_loss",
        "value",
        "own-chances/value",
        kernel=wrong.risk_of_raw_probabilities,
    ),
    Mutant(
        "an exponential of the steps that overflows",
        "scheduled_sampling_probability",
        "value",
        "exponential-overflows/value",
        kernel=wrong.schedule_overflowing,
    ),
    Mutant(
        "a task that is switched off with an infinite loss",
        "weighted_sum_loss",
        "value",
        "infinite-but-switched-off/value",
        kernel=wrong.sum_multiplying_infinity,
    ),
    Mutant(
        "one logarithm for all tasks",
        "uncertainty_weighted_loss",
        "value",
        "three-tasks/value",
        kernel=wrong.uncertainty_without_a_logarithm_each,
    ),
    Mutant(
        "rates in place of their inverse",
        "gradnorm_loss",
        "value",
        "three-tasks/value",
        kernel=wrong.gradnorm_of_rates,
    ),
    Mutant(
        "targets that are not held",
        "gradnorm_loss",
        "gradient",
        "three-tasks/gradient/gradient_norms",
        gradient=(("gradient_norms",), wrong.gradnorm_whose_targets_move),
    ),
    Mutant(
        "transitions from column to row",
        "linear_chain_crf_nll",
        "value",
        "three-steps/value",
        kernel=wrong.chain_with_transitions_turned,
    ),
    Mutant(
        "an end that belongs to the padding",
        "linear_chain_crf_nll",
        "value",
        "last-step-left-out/value",
        kernel=wrong.chain_that_ends_with_its_padding,
    ),
    Mutant(
        "a start that is always the first step",
        "linear_chain_crf_nll",
        "gradient",
        "first-step-left-out/gradient/start",
        gradient=(_OF_CHAINS, wrong.chain_slopes_of_the_first_step_alone),
    ),
    Mutant(
        "equal labels merged without a blank between them",
        "ctc_loss",
        "value",
        "repeated-label/value",
        kernel=wrong.ctc_that_merges_what_a_blank_should_part,
    ),
    Mutant(
        "the first class as blank, whatever is said",
        "ctc_loss",
        "value",
        "blank-last/value",
        kernel=wrong.ctc_with_blank_first,
    ),
    Mutant(
        "a gradient where no alignment is possible",
        "ctc_loss",
        "gradient",
        "too-short/gradient/logits",
        gradient=(("logits",), wrong.ctc_slopes_where_nothing_fits),
    ),
    Mutant(
        "a mean over padding too",
        "token_cross_entropy",
        "value",
        "two-of-three/value",
        kernel=wrong.tokens_over_all_steps,
    ),
    Mutant(
        "a gradient of padding",
        "token_cross_entropy",
        "reduction",
        "left-out/mask",
        gradient=(("logits",), wrong.token_slopes_of_the_padding),
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_wrong_kernel_is_caught_by_name(
    mutant: Mutant,
    failures: Callable[..., dict[str, Result]],
    healthy: Callable[..., list[str]],
    mutated: Callable[..., Function],
) -> None:
    if mutant.backend != "numpy":
        pytest.importorskip(mutant.backend)
    assert healthy(mutant.check, mutant.backend, mutant.loss, mutant.dtype) == []
    wrong = mutated(mutant.loss, mutant.kernel, mutant.gradient, mutant.curvature, mutant.pullback)
    broken = BackendSubject(mutant.backend, losses={mutant.loss: wrong})
    found = failures(mutant.check, broken, mutant.loss, mutant.dtype)
    assert mutant.case in found, f"{mutant.mistake} went unnoticed: {sorted(found)}"
    result = found[mutant.case]
    assert result.outcome == "fail", result.message
    assert result.message
    assert result.got
    assert mutant.loss in result.reproduce
