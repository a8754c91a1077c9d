import json
import re
from importlib import resources

import pytest

from lossapi.conformance.oracle.definition import FUNCTIONS

ROOT = resources.files("lossapi.spec")
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
SCHEMA = json.loads(ROOT.joinpath("schema.json").read_text(encoding="utf-8"))


def documented(word):
    return re.search(rf"`[^`]*\b{re.escape(word)}\b[^`]*`", README) is not None


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_the_definition_language_is_documented(name):
    assert documented(name)


@pytest.mark.parametrize(
    "key",
    sorted(
        {*SCHEMA["properties"]}.union(
            *(
                SCHEMA["$defs"][part]["properties"]
                for part in ("input", "parameter", "kink", "limit", "properties", "bound", "point")
            )
        )
        - {"at"}
    ),
)
def test_every_key_of_a_loss_file_is_documented(key):
    assert documented(key)
