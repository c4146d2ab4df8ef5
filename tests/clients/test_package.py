"""The installation of a client: once, completely, and never used before. The reason for a failure is reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.package import Missing, Package, npm


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache without clients."""
    monkeypatch.setenv("CTX_TEST_CLIENTS", str(tmp_path / "cache"))
    monkeypatch.delenv("CTX_TEST_CLIENTS_REQUIRED", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)


def package(install: Callable[[str, Path], None]) -> Package:
    """Makes a package whose program prints its version."""
    return Package("@made-up/client", "1.2.3", install, "run")


def put(spec: str, place: Path, *, version: str = "1.2.3") -> None:
    """Installs the program."""
    assert spec == "@made-up/client{}1.2.3"
    (place / "run").write_text(f"#!/bin/sh\necho {version}\n")
    (place / "run").chmod(0o700)


def test_many_at_once_install_it_once():
    installed = []

    def install(spec, place):
        installed.append(place)
        time.sleep(0.2)
        put(spec, place)

    places: list[Path] = []
    threads = [threading.Thread(target=lambda: places.append(package(install).folder())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(installed) == 1
    assert len(places) == 4 and set(places) == set(installed)


def test_what_was_installed_half_way_is_installed_anew():
    def install(spec, place):
        (place / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        package(install).folder()
    place = package(put).folder()
    assert (place / "run").exists() and not (place / "half").exists()


def test_without_its_registry_the_test_is_skipped_and_says_why():
    def install(spec, place):
        (place / "half").touch()
        raise Missing("nobody answers")

    with pytest.raises(pytest.skip.Exception, match=r"@made-up/client 1\.2\.3 .* nobody answers"):
        package(install).folder()
    assert (package(put).folder() / "run").exists()


def test_where_clients_are_required_a_missing_one_is_a_failure(monkeypatch):
    monkeypatch.setenv("CTX_TEST_CLIENTS_REQUIRED", "1")

    def install(spec, place):
        raise Missing("nobody answers")

    with pytest.raises(pytest.fail.Exception, match="nobody answers"):
        package(install).folder()


def test_in_one_run_of_the_tests_it_is_tried_once(monkeypatch):
    tried = []

    def install(spec, place):
        tried.append(spec)
        raise Missing("nobody answers")

    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "one")
    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match="nobody answers"):
            package(install).folder()
    assert len(tried) == 1
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "another")
    assert (package(put).folder() / "run").exists()


def test_a_program_of_another_version_is_not_used():
    with pytest.raises(pytest.skip.Exception, match="run is not version"):
        package(lambda spec, place: put(spec, place, version="1.2.4")).folder()


def test_without_node_npm_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="there is no node"):
        package(npm).folder()
