"""A repository's config: written once by init, readable by people. docs/format/config.md is normative."""

import json
import re
from typing import NamedTuple

from ctxstore.errors import Corrupt, UnknownFormat
from ctxstore.objects.chunker import ChunkerSettings

FORMAT = 1
"""The format version this release reads and writes."""

KEY = "config"
MAX_CONFIG = 64 << 10

SAVE_IT = "copy the repository's folder first, then run `ctx repair`: its packs still hold what was saved"
"""The next step when the config or the root is lost."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


class Config(NamedTuple):
    """`id` is 16 random bytes as hex; `created` UTC nanoseconds."""

    id: str
    created: int
    chunker: ChunkerSettings


def encode_config(config: Config) -> bytes:
    """The config file's bytes."""
    value = {
        "ctxstore": "repository",
        "format": FORMAT,
        "id": config.id,
        "created": config.created,
        "chunker": {"algorithm": "fastcdc-2020", **config.chunker._asdict()},
    }
    return json.dumps(value, indent=2).encode() + b"\n"


def decode_config(data: bytes) -> Config:
    """Raises `Corrupt` for what is no config, `UnknownFormat` for one of another version."""
    try:
        value = json.loads(data)
        if value["ctxstore"] != "repository":
            raise ValueError
        version = value["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Corrupt("the repository's config is damaged", hint=SAVE_IT) from error
    if type(version) is not int or version != FORMAT:
        said = repr(version)[:50] if type(version) in (int, str) else "of another kind"
        raise UnknownFormat(
            f"this repository has format {said}, this release knows format {FORMAT}",
            hint="install the release of ctxstore that made it, or a newer one",
        )
    return _decode_fields(value)


def _decode_fields(value: dict[str, object]) -> Config:
    try:
        chunker = dict(value["chunker"])  # type: ignore[call-overload]
        if chunker.pop("algorithm") != "fastcdc-2020":
            raise UnknownFormat("this repository cuts its chunks in a way this release does not know")
        settings = ChunkerSettings(**chunker)
        id, created = value["id"], value["created"]
        if type(id) is not str or not _ID.match(id) or type(created) is not int:
            raise ValueError
        config = Config(id, created, settings)
    except (ValueError, TypeError, KeyError) as error:
        raise Corrupt("the repository's config is damaged", hint=SAVE_IT) from error
    if not _can_cut(settings):
        raise Corrupt("the repository's config has impossible chunk sizes", hint=SAVE_IT)
    return config


def _can_cut(settings: ChunkerSettings) -> bool:
    """Whether the chunker takes these settings."""
    average, minimum, maximum, seed = settings
    if any(type(number) is not int for number in settings):
        return False
    in_order = 64 <= minimum <= average <= maximum <= 1 << 20
    return in_order and average >= 256 and maximum >= 1024 and 0 <= seed < 1 << 63
