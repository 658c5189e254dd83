"""The port that workers share: held for them, refused to others."""

import socket
from collections.abc import Callable

import pytest

from chassis.probing import PortUnusable
from chassis.settings import load
from edge.config import Config
from edge.workers import held


def served(port: int, *, shared: bool) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), reuse_port=shared)


def test_workers_may_serve_the_port_that_is_held_and_nobody_else(port: Callable[[], int]) -> None:
    number = port()
    with held("127.0.0.1", number) as given:
        assert given == number
        with served(number, shared=True), served(number, shared=True):
            pass
        with pytest.raises(OSError, match="in use"):
            served(number, shared=False)
    with served(number, shared=False):
        pass


def test_connections_go_to_the_workers_only(port: Callable[[], int]) -> None:
    with held("127.0.0.1", port()) as number, served(number, shared=True) as worker:
        clients = [socket.create_connection(("127.0.0.1", number), timeout=20) for _ in range(20)]
        worker.settimeout(20)
        for client in clients:
            worker.accept()[0].close()
            client.close()


def test_port_0_gives_one_free_port() -> None:
    with held("127.0.0.1", 0) as port, served(port, shared=True):
        assert port > 0


def test_a_port_that_is_taken_is_said_though_its_owner_would_share_it(port: Callable[[], int]) -> None:
    number = port()
    with served(number, shared=True), pytest.raises(PortUnusable, match="is taken"), held("127.0.0.1", number):
        pytest.fail("it must not get this far")


def test_several_workers_without_nats_are_refused_with_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGE_WORKERS", "2")
    monkeypatch.delenv("EDGE_NATS", raising=False)
    with pytest.raises(SystemExit) as ended:
        load(Config, [])
    assert ended.value.code == 2
    assert "EDGE_WORKERS above 1 needs EDGE_NATS" in capsys.readouterr().err
    monkeypatch.setenv("EDGE_NATS", "nats://127.0.0.1:4222")
    assert load(Config, []).workers == 2
