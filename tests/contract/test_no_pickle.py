"""Nothing we ship reads or writes Python's own serialisations: whoever may write them may run code here."""

import ast
from pathlib import Path

import pytest

FORBIDDEN = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ["streams", "schemas", "connectors"])
def test_no_module_imports_a_pickle(repository: Path, package: str) -> None:
    files = sorted((repository / package).rglob("*.py"))
    assert files
    guilty = {str(file): named for file in files if (named := imported(file.read_text()) & FORBIDDEN)}
    assert not guilty


def test_an_import_of_one_would_be_found() -> None:
    assert imported("def f():\n    from pickle import loads") & FORBIDDEN
