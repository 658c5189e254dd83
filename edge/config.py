"""The settings of the edge."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from edge.auth import AuthSettings
from edge.domain.lifetime import LifeSpan


class Config(AuthSettings):
    """edge: the WebSocket servers that speakers and listeners connect to."""

    model_config = SettingsConfigDict(env_prefix="EDGE_")

    host: str = Field("127.0.0.1", validation_alias="HOST", description="Address to serve HTTP and WebSockets on.")
    port: int = Field(8080, ge=0, le=65_535, validation_alias="PORT", description="Port to serve; 0 takes a free one.")
    workers: int = Field(
        1, ge=1, le=256, description="Processes that serve the port together; more than 1 needs EDGE_NATS."
    )
    share_port: bool = Field(
        False, description="Serve the port although other processes of this user serve it too (SO_REUSEPORT)."
    )
    nats: SecretStr = Field(
        SecretStr(""),
        description="NATS servers over which edges share feeds (nats://[user:password@]host:4222 or tls://…, separated"
        " by commas). Empty: this edge is alone.",
    )
    public_url: str = Field(
        "", description="How people reach the edge (https://…), for join links. Empty: as the request named it."
    )
    session: str = Field(
        "127.0.0.1:50051", validation_alias="SESSION_ADDRESS", description="Where session_svc answers."
    )
    transcription: str = Field(
        "127.0.0.1:50052", validation_alias="TRANSCRIPTION_ADDRESS", description="Where transcription_svc answers."
    )
    heard_within_seconds: float = Field(
        90.0, gt=0, description="A socket from which nothing came for so long is closed (connectionTimeout)."
    )
    refresh_after_seconds: float = Field(
        6_000.0, gt=0, description="A connection this old is asked to refresh (connectionRefreshRequired), seconds."
    )
    warn_after_seconds: float = Field(
        6_300.0, gt=0, description="A connection this old is warned of its end (connectionWarning), seconds."
    )
    close_after_seconds: float = Field(
        7_200.0,
        gt=0,
        description="A connection this old is closed, seconds; not more than session_svc's SESSION_LIFETIME_SECONDS.",
    )
    resume_seconds: float = Field(
        10.0, ge=0, description="How long a listener lost without a goodbye keeps its place for a refresh, seconds."
    )
    tail_seconds: float = Field(
        15.0, ge=0, description="After endSession, how long what was said before may still play out to listeners."
    )
    drain_seconds: float = Field(30.0, ge=0, description="After SIGTERM, how long sockets have to move elsewhere.")
    tell_loss_after_seconds: float = Field(
        5.0, ge=0, description="How long recognition may be lost before the speaker is told."
    )
    status_period_seconds: float = Field(30.0, gt=0, description="How often the speaker gets a status unasked.")
    audio_chunks_per_second: int = Field(50, ge=1, description="Chunks a second that a speaker may send.")
    rate_violation_seconds: float = Field(
        30.0, gt=0, description="How long a speaker may send too fast before the session ends (a sixth of it: warned)."
    )
    messages_per_second: float = Field(
        20.0, gt=0, description="Messages other than audio that a socket may send a second; twice as many at once."
    )
    lookups_per_minute: int = Field(
        300, ge=1, description="Look-ups of sessions and QR codes over HTTP by one client address a minute."
    )
    wrong_pins_per_minute: int = Field(
        60, ge=1, description="Wrong PINs of one session that are tried a minute, by all addresses together."
    )
    mailbox_seconds: float = Field(10.0, gt=0, description="Audio that waits for a slow listener, at most.")
    native_sends: bool = Field(
        True, description="Write to many listeners by one call of C, where that is compiled (python -m edge.sends)."
    )
    limit_addresses: bool = Field(
        True, description="Ask the shared limits on connections and joins of a client address. Off for load tests."
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="Proxies in front, whose X-Forwarded-For entries are believed."
    )
    address_key: SecretStr = Field(
        SecretStr("lingocast"),
        description="Key under which client addresses are hashed for the shared limits; the same on all edges.",
    )
    languages_period_seconds: float = Field(60.0, gt=0, description="How often the languages on offer are asked for.")

    @property
    def nats_servers(self) -> list[str]:
        """URLs; none for an edge that is alone."""
        return [url.strip() for url in self.nats.get_secret_value().split(",") if url.strip()]

    @property
    def life_span(self) -> LifeSpan:
        """When connections are asked, warned and closed."""
        return LifeSpan(self.refresh_after_seconds, self.warn_after_seconds, self.close_after_seconds)

    @model_validator(mode="after")
    def _nats_urls(self) -> Self:
        if not all(map(_is_nats_url, self.nats_servers)):
            raise ValueError("EDGE_NATS takes addresses such as nats://host:4222 or tls://host:4222")
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.refresh_after_seconds < self.warn_after_seconds < self.close_after_seconds:
            raise ValueError("EDGE_REFRESH_AFTER_SECONDS < EDGE_WARN_AFTER_SECONDS < EDGE_CLOSE_AFTER_SECONDS")
        return self

    @model_validator(mode="after")
    def _of_one_mind(self) -> Self:
        if self.workers > 1 and not self.nats_servers:
            raise ValueError(
                "EDGE_WORKERS above 1 needs EDGE_NATS: else who listens at one worker hears no other's talks"
            )
        return self


def _is_nats_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"nats", "tls"} and bool(url.hostname) and url.port != 0
    except ValueError:  # Its own words may quote a piece of a password.
        return False
