"""The settings of session_svc."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.breaker import BreakerTerms
from chassis.dynamodb_settings import DynamoSettings
from session_svc.domain.lease import LeaseTerms
from session_svc.domain.limits import Limit
from session_svc.domain.patience import Patience
from session_svc.domain.session import Terms


class Config(DynamoSettings):
    """session_svc: owns sessions, who is connected to them, and the limits on both."""

    model_config = SettingsConfigDict(env_prefix="SESSION_")

    listen: str = Field("127.0.0.1:50051", description="Address to serve gRPC on, host:port.")
    store: str = Field("sqlite", description="Where sessions are kept: sqlite (one machine) or dynamodb.")
    store_waiting: int = Field(
        1000, ge=1, description="Store operations that may wait; more are refused with STORE_UNAVAILABLE."
    )
    store_tries: int = Field(3, ge=1, le=10, description="How often a store operation is tried in all.")
    store_backoff_seconds: float = Field(
        0.1, ge=0, description="Longest wait before the second try, random; it doubles with each further one, seconds."
    )
    store_patience_seconds: float = Field(
        1.5, gt=0, lt=2, description="Longest time for all tries of one store operation; calls have 2 s, seconds."
    )
    store_breaker_failures: int = Field(
        5, ge=1, description="So many failures of the store in a row, and it is left alone for a while."
    )
    store_breaker_seconds: float = Field(30.0, gt=0, description="How long the store is left alone then, seconds.")

    capacity: int = Field(500, ge=1, description="Listeners that one session takes.")
    sessions_per_speaker: int = Field(1, ge=1, le=20, description="Live sessions that one speaker may have.")
    lifetime_seconds: float = Field(7200.0, gt=0, description="How long a session lives between refreshes, seconds.")
    grace_seconds: float = Field(
        3600.0, gt=0, description="How long records outlive their session in the database, seconds."
    )
    speaker_grace_seconds: float = Field(
        30.0, ge=0, description="How long a session outlives its speaker's connection, seconds."
    )

    lease_seconds: float = Field(30.0, gt=0, description="An edge not heard of for so long is dead, seconds.")
    renew_seconds: float = Field(10.0, gt=0, description="How often an edge is told to renew its lease, seconds.")
    reap_seconds: float = Field(1.0, gt=0, description="How often the reaper looks for what is due, seconds.")
    sweep_seconds: float = Field(60.0, gt=0, description="How often expired records are cleaned up, seconds.")
    poll_seconds: float = Field(
        1.0, gt=0, description="How often watched sessions are read for changes by other instances, seconds."
    )

    creates_per_hour: int = Field(50, ge=1, le=1000, description="Sessions that one user may open an hour.")
    joins_per_minute: int = Field(10, ge=1, le=1000, description="Joins from one client address a minute.")
    connects_per_minute: int = Field(20, ge=1, le=1000, description="Connection attempts from one address a minute.")
    heartbeats_per_minute: int = Field(
        2, ge=1, le=1000, description="Heartbeats of one connection a minute, beyond those expected."
    )

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "sessions.sqlite3"

    @property
    def patience(self) -> Patience:
        """How often and how long a store operation is tried."""
        return Patience(self.store_tries, self.store_backoff_seconds, self.store_patience_seconds)

    @property
    def breaker(self) -> BreakerTerms:
        """When the store is left alone."""
        return BreakerTerms(self.store_breaker_failures, self.store_breaker_seconds)

    @property
    def terms(self) -> Terms:
        """The rules of sessions."""
        return Terms(
            capacity=self.capacity,
            sessions_per_speaker=self.sessions_per_speaker,
            lifetime=self.lifetime_seconds,
            grace=self.grace_seconds,
            speaker_grace=self.speaker_grace_seconds,
        )

    @property
    def lease_terms(self) -> LeaseTerms:
        """The rules of edge leases."""
        return LeaseTerms(
            renew_every=self.renew_seconds,
            expires_after=self.lease_seconds,
            kept=self.lifetime_seconds + self.grace_seconds,
        )

    @property
    def limits(self) -> dict[str, Limit]:
        """The rate limits by name: create, join, connect, heartbeat."""
        return {
            "create": Limit(self.creates_per_hour, 3600.0),
            "join": Limit(self.joins_per_minute, 60.0),
            "connect": Limit(self.connects_per_minute, 60.0),
            "heartbeat": Limit(self.heartbeats_per_minute, 60.0),
        }
