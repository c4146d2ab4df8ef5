"""The config of a repository: written once by init, as JSON for people. docs/format/config.md is normative."""

import json
import re
from typing import NamedTuple

from ctxstore.errors import Corrupt, UnknownFormat
from ctxstore.objects.chunker import ChunkerSettings

FORMAT = 1
"""The format version that this release reads and writes."""

KEY = "config"
MAX_CONFIG = 64 << 10

REPAIR_HINT = "copy the repository's folder, then run `ctx repair`: the packs still contain what was saved"
"""The hint of errors about a lost or damaged config or root."""

UPGRADE_HINT = "install the release of ctxstore that made it, or a newer one"
"""The hint of errors about an unknown format."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


class Config(NamedTuple):
    """The config of a repository. `id` is 16 random bytes as hex, `created` is in UTC nanoseconds."""

    id: str
    created: int
    chunker: ChunkerSettings


def encode_config(config: Config) -> bytes:
    """Encodes a config as the bytes of its file."""
    value = {
        "ctxstore": "repository",
        "format": FORMAT,
        "id": config.id,
        "created": config.created,
        "chunker": {"algorithm": "fastcdc-2020", **config.chunker._asdict()},
    }
    return json.dumps(value, indent=2).encode() + b"\n"


def decode_config(data: bytes) -> Config:
    """Decodes a config file. Raises `Corrupt`, or `UnknownFormat` if it has another format version."""
    try:
        value = json.loads(data)
        if value["ctxstore"] != "repository":
            raise ValueError
        version = value["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Corrupt("the repository's config is damaged", hint=REPAIR_HINT) from error
    if type(version) is not int or version != FORMAT:
        shown = repr(version)[:50] if type(version) in (int, str) else "of another kind"
        raise UnknownFormat(
            f"this repository has format {shown}, this release knows format {FORMAT}", hint=UPGRADE_HINT
        )
    return _decode_fields(value)


def _decode_fields(value: dict[str, object]) -> Config:
    try:
        chunker = dict(value["chunker"])  # type: ignore[call-overload]
        if chunker.pop("algorithm") != "fastcdc-2020":
            raise UnknownFormat("this repository has a chunker that this release does not know", hint=UPGRADE_HINT)
        settings = ChunkerSettings(**chunker)
        id, created = value["id"], value["created"]
        if type(id) is not str or not _ID.match(id) or type(created) is not int:
            raise ValueError
        config = Config(id, created, settings)
    except (ValueError, TypeError, KeyError) as error:
        raise Corrupt("the repository's config is damaged", hint=REPAIR_HINT) from error
    if not _can_cut(settings):
        raise Corrupt("the repository's config has impossible chunk sizes", hint=REPAIR_HINT)
    return config


def _can_cut(settings: ChunkerSettings) -> bool:
    """Whether the chunker accepts these settings."""
    average, minimum, maximum, seed = settings
    if any(type(number) is not int for number in settings):
        return False
    in_order = 64 <= minimum <= average <= maximum <= 1 << 20
    return in_order and average >= 256 and maximum >= 1024 and 0 <= seed < 1 << 63
