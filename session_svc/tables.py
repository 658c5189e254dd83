"""The DynamoDB tables of sessions; `python -m session_svc.tables create|describe`.

Indexes cost a write whenever something that they hold changes. `Connections` change rarely and are wanted whole: their
indexes hold everything. A session's record changes with every join, and all live sessions share one partition of the
index by state, which takes about a thousand writes a second: it holds keys only, is written when a session opens and
ends, and records are read by key after it.
"""

import sys

from chassis.table_command import main
from chassis.tables import Index, Table
from session_svc.config import Config

SESSIONS = Table("Sessions", "sessionId", (Index("state-index", "state", "sessionId", whole=False),))
CONNECTIONS = Table(
    "Connections",
    "connectionId",
    (
        Index("sessionId-targetLanguage-index", "sessionId", "targetLanguage"),
        Index("edgeId-index", "edgeId"),
    ),
)
RATE_LIMITS = Table("RateLimits", "identifier")

TABLES = (SESSIONS, CONNECTIONS, RATE_LIMITS)

if __name__ == "__main__":
    sys.exit(main("session_svc", Config, TABLES))
