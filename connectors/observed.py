"""How a process lets itself be watched: logs, traces, metrics."""

from typing import Annotated

from pydantic import BaseModel, Field

from connectors.log import Shape

__all__ = ["Observed", "Port"]

Port = Annotated[int, Field(ge=0, le=65_535)]


class Observed(BaseModel):
    """What every process is told of being watched."""

    log_format: Shape = Field(
        Shape.CONSOLE, alias="LEADSTREAM_LOG_FORMAT", description="how log lines look: console or json"
    )
    log_level: str = Field(
        "info", alias="LOG_LEVEL", description="which log lines are written: debug, info, warning or error and above"
    )
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, alias="LEADSTREAM_TRACE_RATIO", description="share of requests that are traced, `0.01`; 0 = no tracing"
    )
    otlp_url: str = Field(
        "http://127.0.0.1:4318/v1/traces", alias="LEADSTREAM_OTLP_URL", description="where traces are sent (OTLP, HTTP)"
    )
    metrics_host: str = Field(
        "127.0.0.1", alias="LEADSTREAM_METRICS_HOST", description="where /metrics listens (worker, relay, view)"
    )
    metrics_port: Port = Field(0, alias="LEADSTREAM_METRICS_PORT", description="its port; 0 = no metrics server")
