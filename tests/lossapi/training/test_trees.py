"""Trees keep the kinds of their containers, and whatever those know beside their parts."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest

from lossapi.training.trees import leaves, mapped


class Layer(NamedTuple):
    weight: object
    bias: object


class Frozen(Mapping):
    """A mapping that cannot be changed, as Flax has it."""

    def __init__(self, parts):
        self._parts = dict(parts)

    def __getitem__(self, key):
        return self._parts[key]

    def __iter__(self):
        return iter(self._parts)

    def __len__(self):
        return len(self._parts)


@pytest.mark.parametrize(
    "tree",
    [
        1.0,
        [1.0, [2.0]],
        (1.0, ()),
        {"a": 1.0, 3: {}},
        OrderedDict(b=1.0, a=2.0),
        defaultdict(list, a=1.0),
        Layer(1.0, None),
        [Layer([1.0], {"x": 2.0}), None],
    ],
)
def test_a_tree_that_is_mapped_is_of_the_same_kind(tree):
    found = mapped(lambda leaf: 2 * leaf, tree)
    assert type(found) is type(tree)
    assert mapped(lambda leaf: leaf / 2, found) == tree
    if isinstance(tree, defaultdict):
        assert found.default_factory is list


def test_a_frozen_mapping_is_made_anew():
    found = mapped(lambda leaf: 2 * leaf, Frozen({"a": 1.0}))
    assert isinstance(found, Frozen)
    assert dict(found) == {"a": 2.0}


def test_others_are_found_by_key_and_not_by_order():
    found = mapped(lambda a, b: (a, b), {"x": 1, "y": 2}, {"y": 20, "x": 10})
    assert found == {"x": (1, 10), "y": (2, 20)}


def test_every_leaf_has_a_place_that_can_be_written():
    array = np.ones(1)
    tree = {"a": [array, None, (array,)], "b": Layer(array, array)}
    places = [place for place, _ in leaves("tree", tree)]
    assert places == ["tree['a'][0]", "tree['a'][2][0]", "tree['b'].weight", "tree['b'].bias"]
    assert all(eval(place, {"tree": tree}) is array for place in places)
