"""The last saved state of one home, read from the stat cache without reading the agent's files."""

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.stat_cache import SavedContext, cache_path, is_unchanged, load_cache
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.protocol import FoundContext


class LastSaved:
    """The newest commits of a home's contexts, and the recorded state of their files.

    `refs` is the id of the refs map now. `heads` has the newest commit of every context of the source.
    """

    def __init__(self, engine: Engine, target: Target) -> None:
        self.path = cache_path(engine.storage.cache_folder(), target.home.source, target.home.path)
        self.cache = load_cache(self.path)
        root = engine.root()
        self.refs = root.refs
        self.heads: dict[str, ObjectId]
        if self.cache.refs == root.refs:  # no ref moved since the cache was written
            self.heads = {name: saved.head for name, saved in self.cache.contexts.items()}
        else:
            self.heads = dict(engine.refs(root).iter(target.source.name + "/"))

    def find(self, name: str) -> SavedContext | None:
        """Returns a context's record in the cache, or None if it has none of the context's newest commit."""
        saved = self.cache.contexts.get(name)
        return saved if saved is not None and self.heads.get(name) == saved.head else None

    def find_unchanged(self, context: FoundContext) -> SavedContext | None:
        """Returns a context's record in the cache if it proves that no file changed since."""
        saved = self.find(context.name)
        return saved if is_unchanged(context, saved, self.cache.scanned_at) else None
