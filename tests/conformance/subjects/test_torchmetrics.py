"""torchmetrics' known faults are found, and what it computes as we do passes."""


def test_a_cosine_of_float64_is_computed_in_float32(judge):
    results = judge("torchmetrics", "cosine_distance", "dtype")
    assert results["kept/value"].message == "the result is float32 where float64 is due"


def test_logits_are_squashed_before_a_hinge_loss(judge):
    results = judge("torchmetrics", "hinge_loss", "value")
    assert 1 < float(results["beyond-margin/value"].got) < 2  # where 0 is due
    assert results["within-margin/value"].outcome == "pass"


def test_a_probability_of_zero_makes_the_gradient_not_a_number(judge):
    results = judge("torchmetrics", "kl_divergence", "gradient")
    assert any(result.got == "nan" for result in results.values())


def test_the_mean_absolute_error_passes(judge):
    results = judge("torchmetrics", "absolute_error", "value")
    assert results["typical/value"].outcome == "pass"
