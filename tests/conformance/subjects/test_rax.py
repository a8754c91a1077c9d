"""Rax's known faults are found, and what it computes as we do passes."""


def test_a_weighted_mean_is_divided_by_the_number_of_examples(judge):
    results = judge("rax", "squared_error", "reduction")
    assert results["weights/mean"].outcome == "fail"
    assert results["weights-and-where/sum"].outcome == "pass"
    assert results["plain/mean"].outcome == "pass"


def test_what_is_left_out_makes_the_gradient_not_a_number(judge):
    masked = judge("rax", "squared_error", "reduction")["masked-where/mean"]
    assert (masked.got, masked.expected) == ("nan", "0.0")


def test_a_sure_and_right_score_costs_nothing(judge):
    results = judge("rax", "sigmoid_binary_cross_entropy", "value")
    assert results["far-right/value"].got == "0.0"
    assert results["right/value"].outcome == "pass"
