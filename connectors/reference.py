"""What all processes can be told, as the table in docs/settings.md."""

from connectors.settings import PROCESSES
from connectors.values import SECRETS


def reference() -> str:
    """Return the Markdown table of every setting: docs/settings.md."""
    users: dict[str, list[str]] = {}
    needed: dict[str, list[str]] = {}
    lines: dict[str, tuple[str, str]] = {}
    for process, kind in PROCESSES.items():
        for field in kind.model_fields.values():
            name = str(field.alias)
            users.setdefault(name, []).append(process)
            if field.is_required():
                needed.setdefault(name, []).append(process)
            secret = " (secret)" if field.annotation in SECRETS else ""
            described = str(field.description).replace("|", r"\|")  # a table's cell would end there
            lines[name] = (_default(users[name], needed.get(name, []), field.get_default()), f"{described}{secret}")
    rows = [
        f"| `{name}` | {'all' if len(users[name]) == len(PROCESSES) else ', '.join(users[name])} | {' | '.join(rest)} |"
        for name, rest in lines.items()
    ]
    return "\n".join(["| Variable | Read by | Default | What it is |", "|---|---|---|---|", *rows]) + "\n"


def _default(users: list[str], needed: list[str], default: object) -> str:
    """Return the default as the table has it, or who must be told."""
    if not needed:
        return _shown(default)
    return "**must be set**" if needed == users else f"**must be set** for {', '.join(needed)}"


def _shown(default: object) -> str:
    if isinstance(default, tuple) and default and all(isinstance(it, str) for it in default):
        return f"`{','.join(default)}`"
    if isinstance(default, (*SECRETS, tuple)) or default == "":
        return "none"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
