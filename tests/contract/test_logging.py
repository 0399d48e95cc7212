"""Each log line of ours is a constant sentence with listed fields: the code is read, not run."""

import ast
from pathlib import Path

from connectors.log.fields import FIELDS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
FILES = [path for folder in ("streams", "connectors", "schemas") for path in sorted((ROOT / folder).rglob("*.py"))]


def calls(tree: ast.AST) -> list[ast.Call]:
    """Every call of `log.something(...)`."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [
        call
        for call in found
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and (
            (isinstance(call.func.value, ast.Name) and call.func.value.id == "log")
            or (isinstance(call.func.value, ast.Call) and ast.unparse(call.func.value.func) == "logging.getLogger")
        )
    ]


def names(extra: ast.expr, tree: ast.AST) -> set[str]:
    """The fields that an `extra=` names, wherever its dictionaries are written."""
    found: set[str] = set()
    for node in ast.walk(extra):
        if isinstance(node, ast.Dict):
            found |= {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            for other in ast.walk(tree):
                if isinstance(other, ast.Assign) and ast.unparse(other.targets[0]) == name:
                    found |= names(other.value, ast.Module([], []))
                if isinstance(other, ast.FunctionDef) and other.name == name:
                    found |= {key for it in ast.walk(other) if isinstance(it, ast.Dict) for key in names(it, tree)}
    return found


def test_there_is_something_to_read() -> None:
    assert sum(len(calls(ast.parse(path.read_text()))) for path in FILES) > 30


def test_lines_are_constant_sentences_with_listed_fields() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text())
        for call in calls(tree):
            said = f"{path}: {ast.unparse(call)}"
            assert len(call.args) == 1, said
            assert isinstance(call.args[0], ast.Constant), said
            for keyword in call.keywords:
                assert keyword.arg in ("extra", "exc_info"), said
                if keyword.arg == "extra":
                    assert names(keyword.value, tree) - set(FIELDS) == set(), said
