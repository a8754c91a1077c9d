"""The stub is what the specifications say, and what is there at run time."""

import ast
import inspect

import pytest

import lossapi
from lossapi.conformance.reference import stubs
from lossapi.losses import registry


@pytest.fixture(scope="module")
def stub():
    return ast.parse(stubs.path().read_text("utf-8"))


def written(stub, name):
    """The keyword arguments of each method of a function's class, with their defaults."""
    kinds = {
        node.target.id: node.annotation.id
        for node in stub.body
        if isinstance(node, ast.AnnAssign)
        if isinstance(node.target, ast.Name) and isinstance(node.annotation, ast.Name)
    }
    (cls,) = (n for n in stub.body if isinstance(n, ast.ClassDef) and n.name == kinds[name])
    return {
        method.name: (
            [argument.arg for argument in method.args.args[1:]],
            {
                argument.arg: ast.literal_eval(default) if default else inspect.Parameter.empty
                for argument, default in zip(
                    method.args.kwonlyargs, method.args.kw_defaults, strict=True
                )
            },
        )
        for method in cls.body
        if isinstance(method, ast.FunctionDef)
    }


def test_the_stub_is_up_to_date():
    assert stubs.verify() == []


def test_a_missing_and_a_stale_stub_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(stubs, "path", lambda: tmp_path / "__init__.pyi")
    assert "is missing" in stubs.verify()[0]
    stubs.build().write_text("")
    assert "is stale" in stubs.verify()[0]


def test_the_stub_exports_what_the_package_exports(stub):
    (exported,) = (
        ast.literal_eval(node.value)
        for node in stub.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert exported == sorted(lossapi.__all__)


@pytest.mark.parametrize("name", sorted(registry))
def test_a_call_in_the_stub_is_the_call_of_the_function(stub, name):
    shown = inspect.signature(registry[name]).parameters
    inputs, keywords = written(stub, name)["__call__"]
    assert inputs == list(registry[name].inputs)
    assert keywords == {k: p.default for k, p in shown.items() if k not in inputs}


@pytest.mark.parametrize("name", sorted(registry))
def test_the_faces_in_the_stub_are_those_of_the_function(stub, name):
    function, methods = registry[name], written(stub, name)
    _, call = methods["__call__"]
    assert ("grad" in methods) == ("value_and_grad" in methods) == bool(function.differentiable)
    assert ("hessian_diag" in methods) == bool(function.curvatures)
    assert ("sum_and_weight" in methods) == function.reduces
    for method, (inputs, keywords) in methods.items():
        assert inputs == list(function.inputs)
        more = set(keywords) - set(call)
        if method in ("grad", "value_and_grad", "hessian_diag"):
            assert more == ({"wrt"} if function.reduces else {"wrt", "cotangent"})
        if method == "sum_and_weight":
            assert set(call) - set(keywords) == {"reduction"}
