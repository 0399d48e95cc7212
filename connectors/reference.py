"""What all processes can be told, as the table in docs/settings.md."""

from connectors.settings import PROCESSES
from connectors.values import SECRETS


def reference() -> str:
    """Return the Markdown table of every setting: docs/settings.md."""
    users: dict[str, list[str]] = {}
    lines: dict[str, str] = {}
    for process, kind in PROCESSES.items():
        for field in kind.model_fields.values():
            name = str(field.alias)
            users.setdefault(name, []).append(process)
            secret = " (secret)" if field.annotation in SECRETS else ""
            default = "**must be set**" if field.is_required() else _shown(field.get_default())
            lines[name] = f"{default} | {field.description}{secret}"
    rows = [
        f"| `{name}` | {'all' if len(users[name]) == len(PROCESSES) else ', '.join(users[name])} | {rest} |"
        for name, rest in lines.items()
    ]
    return "\n".join(["| Variable | Read by | Default | What it is |", "|---|---|---|---|", *rows]) + "\n"


def _shown(default: object) -> str:
    if isinstance(default, tuple) and default and all(isinstance(it, str) for it in default):
        return f"`{','.join(default)}`"
    if isinstance(default, (*SECRETS, tuple)) or default == "":
        return "none"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
