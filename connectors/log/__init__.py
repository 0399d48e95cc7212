"""Log lines that an operator can read and nobody is in: one event each, of fields that are listed, as JSON or text.

Modules log as usual, `log.warning("Redis does not answer", extra={"error": error})`: a sentence that never changes, and
fields from `connectors.log.fields`. What is not listed there is left out and counted. Libraries' own lines, Faust's and
uvicorn's, keep their constant text and lose what was put into it.
"""

from connectors.log.lines import Shape
from connectors.log.setup import install, shape

__all__ = ["Shape", "install", "shape"]
