"""What pytest leaves alone: it looks for doctests everywhere, and Quix Streams lives in an environment of its own."""

collect_ignore = ["quix.py"]
