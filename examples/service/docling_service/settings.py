"""The settings of the service: variables `SERVICE_*`. Those of the models are the runbook's own, `RUNBOOK_*`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where it listens, and what one upload and all of them together may take."""

    model_config = SettingsConfigDict(env_prefix="SERVICE_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    max_request_bytes: int = Field(50_000_000, gt=0)
    max_pages: int = Field(500, gt=0)
    max_uploads: int = Field(16, gt=0)
    """Uploads at a time: one is converted, the others arrive or wait. Times `max_request_bytes`, the room in TMPDIR."""
    receive_limit_s: float = Field(30.0, gt=0)
    """Seconds without a byte of the upload."""
    wait_limit_s: float = Field(60.0, gt=0)
    conversion_limit_s: float = Field(120.0, gt=0)
    stop_limit_s: int = Field(150, gt=0)
    """Seconds that running requests have once the service is told to stop; what kills it has to wait longer."""
