"""MLX's known faults are found, and what it computes as we do passes."""


def test_a_probability_of_zero_costs_a_hundred(judge):
    results = judge("mlx.nn.losses", "binary_cross_entropy", "value", "float32")
    assert results["certain-and-wrong/value"].got == "100.0"
    assert results["right/value"].outcome == "pass"


def test_a_weighted_mean_is_divided_by_the_number_of_examples(judge):
    results = judge("mlx.nn.losses", "binary_cross_entropy", "reduction", "float32")
    assert results["weights/mean"].outcome == "fail"
    assert results["plain/mean"].outcome == "pass"


def test_the_gradient_at_what_is_not_a_number_is_zero(judge):
    results = judge("mlx.nn.losses", "absolute_error", "gradient", "float32")
    assert float(results["nan-prediction/gradient/prediction"].got) == 0
    assert results["typical/gradient/prediction"].outcome == "pass"
