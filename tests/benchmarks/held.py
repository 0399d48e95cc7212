"""Processes held to a share of a core each, so that two can be compared with one on a machine as small as this."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000


@contextmanager
def held(share: float) -> Iterator[Path | None]:
    """Yield the file that takes the id of a process to be held to `share` of a core; None where we may not."""
    version_1 = (ROOT / "cpu").is_dir()
    group = (ROOT / "cpu" if version_1 else ROOT) / f"leadstream-bench-{os.getpid()}-{os.urandom(3).hex()}"
    allowed = _make(group, round(share * PERIOD_US), version_1)
    try:
        yield group / "cgroup.procs" if allowed else None
    finally:
        with suppress(OSError):
            group.rmdir()


def _make(group: Path, quota_us: int, version_1: bool) -> bool:
    """Make a group with a quota for each period; tell whether we were allowed to."""
    try:
        group.mkdir()
        if version_1:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    except OSError:
        return False
    return True
