"""An amount is never used as a truth value: `if amount` could mean "is there one?" or "is it zero?".

`Money.__bool__` raises, but only when such a line runs. This finds them in the source: a page that nothing
opens in a test answered with an error 500.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import contracts
import jinja2
from contracts.money import Money
from jinja2 import nodes

ROOT = Path(__file__).parents[2]
SOURCES = ("libs/*/src", "services/*/src", "gateway/src", "ispos", "tools")
TEMPLATES = ROOT / "gateway/src/gateway/templates"


def money_fields() -> set[str]:
    """Fields of the contracts' dataclasses that are amounts wherever they occur."""
    amounts, others = set(), set()
    for module in pkgutil.iter_modules(contracts.__path__, "contracts."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                for field in dataclasses.fields(value):
                    kind = amounts if Money.__name__ in str(field.type) else others
                    kind.add(field.name)
    return amounts - others


def truth_tests(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose truth is tested."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            yield from node.values
        elif isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.operand
        elif isinstance(node, ast.comprehension):
            yield from node.ifs


def truth_tests_of_template(tree: nodes.Template) -> Iterator[nodes.Node]:
    for node in tree.find_all((nodes.If, nodes.CondExpr)):
        yield node.test
    for node in tree.find_all((nodes.And, nodes.Or)):
        yield from (node.left, node.right)
    for node in tree.find_all(nodes.Not):
        yield node.node


def test_fields_that_are_amounts_are_known():
    assert {"amount", "balance", "credit", "price", "individual_price"} <= money_fields()


def test_no_code_tests_the_truth_of_an_amount():
    fields = money_fields()
    found = [
        f"{path.relative_to(ROOT)}:{test.lineno}: {ast.unparse(test)}"
        for pattern in SOURCES
        for folder in ROOT.glob(pattern)
        for path in folder.rglob("*.py")
        for test in truth_tests(ast.parse(path.read_text()))
        if isinstance(test, ast.Attribute) and test.attr in fields
    ]
    assert not found, "use `is None` or `.minor`:\n" + "\n".join(found)


def test_no_template_tests_the_truth_of_an_amount():
    fields, environment = money_fields(), jinja2.Environment(autoescape=True)
    found = [
        f"{path.relative_to(ROOT)}:{test.lineno}: {test.attr}"
        for path in TEMPLATES.rglob("*.html")
        for test in truth_tests_of_template(environment.parse(path.read_text()))
        if isinstance(test, nodes.Getattr)
        and test.attr in fields
        and not (isinstance(test.node, nodes.Getattr) and test.node.attr == "errors")  # a form's messages
    ]
    assert not found, "use `is none` or `.minor`:\n" + "\n".join(found)
