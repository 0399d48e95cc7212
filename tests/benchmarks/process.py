"""What the kernel says of a process, and what a folder takes on disk."""

from pathlib import Path


def rss_mib(pid: int) -> tuple[float, float]:
    """Return the memory a process has, and the most it ever had, MiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, most = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def open_files(pid: int) -> int:
    """Return how many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def size_mib(folder: Path) -> float:
    """Return what the files in a folder take, MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
