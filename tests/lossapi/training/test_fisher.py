"""Fisher information, by hand, from samples and as a metric."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.training import fisher_information, natural_gradient, softmax_fisher_information


def test_it_is_the_mean_of_the_outer_products(library):
    scores = np.random.default_rng(1).normal(size=(50, 4))
    found = library.to_numpy(fisher_information(library.asarray(scores), damping=0.5))
    expected = scores.T @ scores / 50 + 0.5 * np.eye(4)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_weights_make_it_a_weighted_mean():
    scores = np.array([[1.0, 2.0], [3.0, -1.0], [9.0, 9.0]])
    found = fisher_information(scores, weights=np.array([1.0, 3.0, 0.0]))
    expected = (np.outer(scores[0], scores[0]) + 3 * np.outer(scores[1], scores[1])) / 4
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert not fisher_information(scores, weights=np.zeros(3)).any()


def test_arrays_of_a_tree_stand_one_after_the_other():
    scores = np.random.default_rng(2).normal(size=(5, 7))
    tree = {"w": scores[:, :6].reshape(5, 2, 3), "b": scores[:, 6]}
    np.testing.assert_allclose(fisher_information(tree), scores.T @ scores / 5, rtol=1e-14)


def test_scores_of_the_softmax_have_its_information(library):
    logits = np.array([0.3, -1.2, 2.0])
    p = np.exp(logits) / np.exp(logits).sum()
    scores = np.eye(3) - p  # of each label, drawn with the probability p
    sampled = fisher_information(library.asarray(scores), weights=library.asarray(p))
    exact = softmax_fisher_information(library.asarray(p))
    np.testing.assert_allclose(library.to_numpy(sampled), library.to_numpy(exact), atol=2e-7)


def test_the_diagonal_keeps_its_digits_at_both_ends():
    p = np.array([2.0**-60, 1 - 2.0**-53])
    found = softmax_fisher_information(p)
    assert found[0, 0] == 2.0**-60
    assert found[1, 1] == 2.0**-53 * (1 - 2.0**-53)


def test_examples_have_a_matrix_each():
    p = np.array([[0.5, 0.5], [0.25, 0.75]])
    found = softmax_fisher_information(p, damping=1.0)
    for one, matrix in zip(p, found, strict=True):
        np.testing.assert_allclose(matrix, np.diag(one) - np.outer(one, one) + np.eye(2))


def test_the_natural_gradient_solves(library):
    if library.name == "dask":
        pytest.skip("dask.array has no eigh: test_a_library_without_eigenvalues has the error")
    random = np.random.default_rng(3)
    factor, gradient = random.normal(size=(6, 4)), random.normal(size=4)
    fisher = factor.T @ factor
    found = natural_gradient(library.asarray(gradient), library.asarray(fisher), damping=0.25)
    expected = np.linalg.solve(fisher + 0.25 * np.eye(4), gradient)
    np.testing.assert_allclose(library.to_numpy(found), expected, rtol=1e-4, atol=1e-5)


def test_of_a_singular_information_the_pseudo_inverse_is_taken(library):
    if library.name == "dask":
        pytest.skip("dask.array has no eigh: test_a_library_without_eigenvalues has the error")
    p = np.array([0.5, 0.25, 0.25])
    gradient = p - np.array([0.0, 1.0, 0.0])
    fisher = softmax_fisher_information(library.asarray(p))
    found = library.to_numpy(natural_gradient(library.asarray(gradient), fisher))
    expected = np.linalg.pinv(np.diag(p) - np.outer(p, p)) @ gradient
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert abs(found.sum()) < 1e-5  # nothing along the logits that all are shifted by


def test_it_does_not_depend_on_the_parameters_that_are_taken():
    random = np.random.default_rng(4)
    scores, gradient, change = (random.normal(size=s) for s in ((30, 3), 3, (3, 3)))
    step = natural_gradient(gradient, fisher_information(scores))
    other = natural_gradient(change.T @ gradient, fisher_information(scores @ change))
    np.testing.assert_allclose(change @ other, step, rtol=1e-9)


def test_a_tree_comes_back_in_its_shapes_and_dtypes():
    gradient = {"w": np.ones((2, 2), np.float32), "b": [np.array(2.0), None]}
    found = natural_gradient(gradient, 2 * np.eye(5))
    assert found["w"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert found["w"].dtype == np.float32
    assert found["b"][0] == 1.0
    assert found["b"][1] is None


def test_it_runs_under_jit():
    jax = pytest.importorskip("jax")
    step = jax.jit(lambda g, s: natural_gradient(g, fisher_information(s, damping=1.0)))
    assert step(jax.numpy.ones(2), jax.numpy.eye(2)).tolist() == pytest.approx([2 / 3, 2 / 3])


def test_information_that_is_not_finite_gives_nan_and_no_crash():
    fisher = np.array([[1.0, np.nan], [np.nan, 1.0]])
    assert np.isnan(natural_gradient(np.ones(2), fisher)).all()


def test_a_library_without_eigenvalues_is_told():
    dask = pytest.importorskip("dask.array")
    with pytest.raises(lossapi.BackendError, match=r"natural_gradient: dask.* has no linalg\.eigh"):
        natural_gradient(dask.ones(2), dask.eye(2))


MISTAKES = [
    (lambda: fisher_information([np.ones((3, 2)), np.ones((4, 2))]), ("scores[1]", "3 as in")),
    (lambda: fisher_information(np.array(1.0)), ("shape ()", "first axis")),
    (lambda: fisher_information([]), ("no array", "(N, D)")),
    (lambda: fisher_information(np.ones((3, 2)), weights=np.ones(2)), ("weights", "(2,)", "(3,)")),
    (lambda: softmax_fisher_information([np.ones(2), np.ones(2)]), ("one array", "(…, K)")),
    (lambda: natural_gradient(np.ones(2), np.eye(3)), ("(3, 3)", "2 entries", "(2, 2)")),
    (lambda: natural_gradient(np.ones(2), np.eye(2), damping=-1), ("damping is -1", "[0, inf)")),
]


@pytest.mark.parametrize(("call", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(call, parts):
    with pytest.raises((lossapi.ShapeError, lossapi.ParameterError)) as told:
        call()
    for part in parts:
        assert part in str(told.value)
