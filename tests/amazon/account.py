"""The account that the stand-ins know, in place of whoever runs the tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chassis.aws import session


@contextmanager
def account(region: str = "us-east-1") -> Iterator[pytest.MonkeyPatch]:
    """The environment in which the SDK finds that account and no other; what it sets goes with it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": region,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            environment.setenv(name, value)
        # The SDK reads the environment once a process.
        session.cache_clear()
        yield environment
    session.cache_clear()
