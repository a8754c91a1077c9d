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


def test_an_example_is_not_taken_for_its_neighbours(judge):
    gradients = judge("pytorch-metric-learning", "triplet_margin_loss", "gradient")
    assert gradients["infinite/gradient/positive"].got == "0.0"
    for name in ("plane", "soft", "positive-same"):  # a NaN stands in the same batch
        for wrt in ("anchor", "positive", "negative"):
            assert gradients[f"{name}/gradient/{wrt}"].outcome == "pass"


def test_more_triplets_than_all_can_be_compared_with_are_told_of(judge):
    totals = judge("pytorch-metric-learning", "triplet_margin_loss", "reduction", "float32")
    many = totals["131072-terms/sum"]
    assert many.outcome == "unsupported"
    assert "154618822656 distances of 131072 triplets" in many.message
