"""The time until Claude Code deletes sessions, by its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxstore.sources.claude_code.expiry import kept_days


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ('{"cleanupPeriodDays": 90}', 90),
        ('{"cleanupPeriodDays": 0}', 30),
        ('{"cleanupPeriodDays": -5}', 30),
        ('{"cleanupPeriodDays": "7"}', 30),
        ('{"cleanupPeriodDays": true}', 30),
        ("{}", 30),
        ("[]", 30),
        ("{not json", 30),
        ("[" * 100_000, 30),
    ],
)
def test_the_users_settings_say_how_long(tmp_path: Path, settings: str, days: int) -> None:
    (tmp_path / "settings.json").write_text(settings)
    assert kept_days(str(tmp_path), managed=()) == days


def test_without_settings_it_is_thirty_days(tmp_path: Path) -> None:
    assert kept_days(str(tmp_path / "nowhere"), managed=()) == 30


def test_an_administrators_settings_go_before_the_users(tmp_path: Path) -> None:
    managed = tmp_path / "managed"
    (managed / "managed-settings.d").mkdir(parents=True)
    (tmp_path / "settings.json").write_text('{"cleanupPeriodDays": 90}')
    places = (str(tmp_path / "nowhere"), str(managed))
    assert kept_days(str(tmp_path), managed=places) == 90
    (managed / "managed-settings.json").write_text('{"cleanupPeriodDays": 10}')
    assert kept_days(str(tmp_path), managed=places) == 10
    (managed / "managed-settings.d" / "20-b.json").write_text('{"cleanupPeriodDays": 20}')
    (managed / "managed-settings.d" / "10-a.json").write_text('{"cleanupPeriodDays": 15}')
    assert kept_days(str(tmp_path), managed=places) == 20
