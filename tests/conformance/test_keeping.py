"""A run that is carried on has the options that it was begun with."""

from lossapi.conformance import keeping
from lossapi.conformance.check_command import check
from lossapi.conformance.result import Settings
from lossapi.conformance.run_report import Report


def test_every_option_that_decides_about_results_is_kept():
    begun = Report(Settings(20, 1), losses=["nll"], checks=["value"], dtypes=["float32"])
    subjects = {"subjects", "implementations", "harnesses"}  # which the file names on its own
    others = {"validate", "json_file", "junit_file", "resumed", "jobs", "timeout"}
    assert keeping.defaults(begun).keys() == {p.name for p in check.params} - subjects - others
    assert keeping.defaults(begun) == {
        "losses": ["nll"],
        "checks": ["value"],
        "dtypes": ["float32"],
        "examples": 20,
        "seed": 1,
        "hunt": 0,
        "thorough": False,
    }
