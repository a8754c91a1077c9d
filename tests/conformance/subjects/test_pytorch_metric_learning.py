"""What PyTorch Metric Learning computes as we do passes, and its known faults are found."""


def test_the_gradient_beside_an_overflow_is_not_a_number(judge):
    results = judge("pytorch-metric-learning", "pairwise_distance", "value")
    assert results["large-exponent/value"].got == "inf"
    assert results["space/value"].outcome == "pass"


def test_a_loss_ends_where_its_logarithm_is_kept_from_zero(judge):
    results = judge("pytorch-metric-learning", "info_nce_loss", "value")
    cold = results["cold/value"]
    assert float(cold.got) < 709 < float(cold.expected)
    assert results["three-pairs/value"].outcome == "pass"
