"""`python -m <service>.tables`: makes and describes the DynamoDB tables of a service."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from chassis.dynamodb import open_dynamodb
from chassis.dynamodb_settings import DynamoSettings
from chassis.errors import LingocastError
from chassis.settings import describe as describe_settings
from chassis.settings import load
from chassis.tables import Found, Table, create, faults, look, shown_keys


def main(service: str, kind: type[DynamoSettings], tables: Sequence[Table], arguments: list[str] | None = None) -> int:
    """The command. The exit status is 0 when all tables are there as they must be."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {service}.tables",
        description="Make or describe the DynamoDB tables that this service keeps its records in.",
        epilog=describe_settings(kind),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("create", help="make what is missing (on-demand billing), wait until it can be used")
    make.add_argument("--point-in-time-recovery", action="store_true", help="continuous backups of 35 days; they cost")
    make.add_argument("--no-ttl", action="store_true", help="let expired records lie; reads ignore them all the same")
    commands.add_parser("describe", help="what is there; exit status 1 when something is missing or different")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(_run(load(kind, []), tables, options))
    except* LingocastError as failed:
        for error in failed.exceptions:
            _say(str(error), sys.stderr)
    return 1


async def _run(settings: DynamoSettings, tables: Sequence[Table], options: argparse.Namespace) -> int:
    wrong = 0
    # Nobody waits for a caller's deadline here, and making a table is slower than reading from it.
    async with open_dynamodb(settings.model_copy(update={"dynamodb_timeout_seconds": 10.0})) as database:
        if options.command == "create":
            await create(
                database, tables, ttl=not options.no_ttl, point_in_time_recovery=options.point_in_time_recovery
            )
        for table in tables:
            found = await look(database, table)
            for line in _described(database.table(table.name), found):
                _say(line)
            without_ttl = options.command == "create" and options.no_ttl
            for fault in faults(table, Found(found.description, table.ttl) if without_ttl else found):
                _say(f"  WRONG: {fault}")
                wrong += 1
    return int(wrong > 0)


def _described(name: str, found: Found) -> Iterator[str]:
    there = found.description
    if not there:
        yield name
        return
    billing = there.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    yield f"{name}  {there['TableStatus']}"
    yield f"  key      {shown_keys(there)}"
    for index in there.get("GlobalSecondaryIndexes", []):
        holds = {"ALL": "all attributes", "KEYS_ONLY": "keys only"}.get(index["Projection"]["ProjectionType"], "some")
        yield f"  index    {index['IndexName']}: {shown_keys(index)}; {holds}; {index.get('IndexStatus', 'ACTIVE')}"
    yield f"  billing  {'on demand' if billing == 'PAY_PER_REQUEST' else billing.lower()}"
    yield f"  ttl      {found.ttl or 'off'}"
    yield f"  backups  point-in-time recovery {found.backup}"
    yield f"  records  about {there.get('ItemCount', 0)} (counted every six hours), {there.get('TableSizeBytes', 0)} B"


def _say(text: str, where: TextIO | None = None) -> None:
    (where or sys.stdout).write(text + "\n")
