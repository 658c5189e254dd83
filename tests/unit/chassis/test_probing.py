"""Ports that are given out before anything serves on them."""

import socket

from chassis.probing import checked_port, free_port


def test_no_port_is_given_twice_although_nothing_serves_on_it_yet() -> None:
    ports = [free_port() for _ in range(1_000)]
    assert len(set(ports)) == 1_000


def test_a_port_that_is_taken_is_passed_over() -> None:
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in {checked_port("127.0.0.1", 0) for _ in range(12_000)}
