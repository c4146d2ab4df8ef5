"""The time until Gemini CLI deletes sessions, by its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxstore.sources.gemini import Gemini
from ctxstore.sources.protocol import Expiring, SourceHome


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        (None, 30),
        ("{}", 30),
        ("not json", 30),
        ('{"general":{"sessionRetention":{"maxAge":"90d"}}}', 90),
        ('// mine\n{"general":{/* long */"sessionRetention":{"maxAge":"2w"}},"url":"http://x"}', 14),
        ('{"general":{"sessionRetention":{"maxAge":"36h"}}}', 1),
        ('{"general":{"sessionRetention":{"maxAge":"1m"}}}', 30),
        ('{"general":{"sessionRetention":{"enabled":false}}}', None),
        ('{"general":{"sessionRetention":{"maxAge":"2h"}}}', None),
        ('{"general":{"sessionRetention":{"maxAge":"3d","minRetention":"1w"}}}', None),
        ('{"general":{"sessionRetention":{"maxAge":"soon"}}}', None),
        ('{"general":{"sessionRetention":{"maxAge":30}}}', None),
        ('{"general":[]}', 30),
    ],
)
def test_sessions_are_kept_as_long_as_the_settings_say(tmp_path: Path, settings: str | None, days: int | None) -> None:
    if settings is not None:
        (tmp_path / "settings.json").write_text(settings)
    source = Gemini()
    assert isinstance(source, Expiring)
    assert source.kept_days(SourceHome("gemini", str(tmp_path), ".gemini")) == days
