"""The JSON Schema of the configuration, with the text that stands below each setting.

Why: the docstrings in `config.py` are the only description of a setting, so the schema says them
too. They are read from the source when somebody asks for the schema: a server that starts has no
use for them, and reading them would cost a tenth of a second of every start.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

from callcenter.app import config, config_dialling, config_documents
from callcenter.app.config import Settings


def described_schema() -> dict[str, Any]:
    """The schema of the whole file; every setting has a `description`."""
    schema: dict[str, Any] = Settings.model_json_schema(by_alias=True)
    for table, texts in setting_texts().items():
        described = schema if table == Settings.__name__ else schema["$defs"][table]
        fields = getattr(config, table).model_fields
        for name, text in texts.items():
            described["properties"][fields[name].alias or name]["description"] = text
    return schema


def setting_texts() -> dict[str, dict[str, str]]:
    """Table -> setting -> the text below it, for every setting that has one."""
    found: dict[str, dict[str, str]] = {}
    for table in [
        table
        for module in (config, config_documents, config_dialling)
        for table in ast.parse(inspect.getsource(module)).body
    ]:
        if not isinstance(table, ast.ClassDef) or not table.name.endswith("Settings"):
            continue
        for setting, text in zip(table.body, table.body[1:], strict=False):
            if (
                isinstance(setting, ast.AnnAssign)
                and isinstance(setting.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                texts = found.setdefault(table.name, {})
                texts[setting.target.id] = inspect.cleandoc(str(text.value.value))
    return found
