"""A run that is carried on asks the same subjects as it was begun with."""

from lossapi.conformance import keeping
from lossapi.conformance.result import Settings
from lossapi.conformance.run_report import Report


def test_subjects_are_named_as_the_command_names_them():
    sources = {
        "numpy": "numpy",
        "theirs": "impl:their.module:subject",
        "published": "impl:optax",
        "program": "harness:node harness.js",
    }
    begun = Report(Settings(20, 1), dict.fromkeys(sources, ""), losses=["nll"], sources=sources)
    given = keeping.defaults(begun)
    assert keeping.libraries(begun) == ["numpy"]
    assert given["implementations"] == ["their.module:subject", "optax"]
    assert given["harnesses"] == ["node harness.js"]
    assert given["losses"] == ["nll"]
    assert (given["examples"], given["seed"], given["hunt"], given["thorough"]) == (20, 1, 0, False)


def test_every_option_that_decides_about_results_is_kept():
    from lossapi.conformance.commands import check

    asked = {parameter.name for parameter in check.params}
    others = {"subjects", "validate", "json_file", "junit_file", "resumed", "jobs"}
    assert set(keeping.defaults(Report(Settings()))) == asked - others
