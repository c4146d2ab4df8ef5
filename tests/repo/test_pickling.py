"""Errors, values and reports pass from one process to another. An open repository does not."""

from __future__ import annotations

import copy
import importlib
import inspect
import multiprocessing
import os
import pickle
import pkgutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import CtxstoreError, InvalidInput
from ctxstore.sources.registry import get_source

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=3,
)


def copies(value: Any) -> Iterator[Any]:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(value, protocol))
    yield copy.copy(value)
    yield copy.deepcopy(value)


def error_classes() -> list[type[CtxstoreError]]:
    """Returns every error class of the package, exported or not."""
    for module in pkgutil.walk_packages(ctxstore.__path__, "ctxstore."):
        if "aider.inside" not in module.name:  # runs inside aider only
            importlib.import_module(module.name)
    found: list[type[CtxstoreError]] = [CtxstoreError]
    for each in found:
        found += [
            kind for kind in each.__subclasses__() if kind not in found and kind.__module__.startswith("ctxstore")
        ]
    return found


VALUES: dict[str, Any] = {
    **{"message": "what happened", "hint": "the next step"},
    **{"ref": "chat/a", "path": "/a", "mode": 0o120000},
}


def make(kind: type[CtxstoreError]) -> CtxstoreError:
    """Builds an error with a value for every parameter, those with defaults included."""
    positional, named = [], {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = VALUES.get(name, f"a {name}")
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            positional.append(value)
    return kind(*positional, **named)


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_errors_keep_all_they_contain(kind: type[CtxstoreError]) -> None:
    error = make(kind)
    for other in copies(error):
        assert type(other) is kind
        assert str(other) == str(error) and other.args == error.args
        assert other.__dict__ == error.__dict__ and other.message and other.exit_code == error.exit_code


@given(message=st.text(), hint=st.text())
def test_errors_keep_any_message_and_hint(message: str, hint: str) -> None:
    for kind in (ctxstore.InvalidInput, ctxstore.Corrupt, ctxstore.NotFound):
        for other in copies(kind(message, hint=hint)):
            assert (other.message, other.hint, str(other)) == (message, hint, message)


def _value_classes() -> list[Any]:
    found = (getattr(ctxstore, name) for name in ctxstore.__all__)
    return [each for each in found if isinstance(each, type) and issubclass(each, tuple)]


st.register_type_strategy(
    ctxstore.Environment,
    st.builds(ctxstore.Environment, clock=st.just(time.time_ns), random=st.just(os.urandom)),
)
st.register_type_strategy(
    ctxstore.Target, st.builds(ctxstore.Target, st.sampled_from(["codex", "directory"]).map(get_source))
)


for each in _value_classes():
    if fields := {name: JSON for name, hint in get_type_hints(each).items() if hint is Any}:
        st.register_type_strategy(each, st.builds(each, **fields))


@pytest.mark.parametrize("kind", _value_classes(), ids=lambda kind: kind.__name__)
@settings(max_examples=5, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_values_stay_equal(kind: Any, data: st.DataObject) -> None:
    if kind is ctxstore.ForgetResult:
        pytest.skip("tested with a real plan")
    value = data.draw(st.from_type(kind))
    for other in copies(value):
        if kind is ctxstore.Target:
            assert (other.home, other.source.name) == (value.home, value.source.name)
        else:
            assert other == value and type(other) is kind


@pytest.fixture
def repo(place: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place) as made:
        for text in ("one", "two", "three"):
            with made.edit("chat/a") as draft:
                draft.messages.append({"role": "user", "content": text})
                draft.commit(text)
        yield made


def test_reports_of_every_operation(repo: ctxstore.Repo, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("x")
    from ctxstore.ops.snapshot.targets import find_targets

    reports = [
        repo.snapshot(find_targets([str(tmp_path / "folder")], {})),
        repo.check(read_data=True),
        repo.stats(),
        repo.search("one"),
        repo.diff("chat/a~1", "chat/a"),
        list(repo.refs()),
        list(repo.ops()),
        list(repo.messages("chat/a")),
        repo.survey({}, 0),
        repo.plan_checkout_all(str(tmp_path / "out")).execute(),
        repo.gc(),
    ]
    for report in reports:
        for other in copies(report):
            assert other == report


def test_a_plan_shows_what_it_would_do_and_cannot_be_executed_elsewhere(repo: ctxstore.Repo) -> None:
    result = repo.forget(ctxstore.Policy(last=1), "chat/a")
    plan = repo.plan_forget(ctxstore.Policy(last=1), "chat/a")
    for other in copies(result):
        assert other.op == result.op
        assert other.plan.contexts == result.plan.contexts and other.plan.forgotten == 2
    with pytest.raises(InvalidInput, match="another process"):
        pickle.loads(pickle.dumps(plan)).execute()


@pytest.mark.parametrize("what", ["repo", "view", "draft"])
def test_what_belongs_to_an_open_repository_is_refused(repo: ctxstore.Repo, what: str) -> None:
    value = {"repo": repo, "view": repo.view("chat/a"), "draft": repo.edit("chat/a")}[what]
    with pytest.raises(TypeError, match="open the repository again"):
        pickle.dumps(value)


def fail(path: str) -> None:
    with ctxstore.open(path) as repo:
        repo.view("nothing")


def test_a_worker_process_reports_its_error(repo: ctxstore.Repo) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        error = pool.submit(fail, repo.path).exception()
    assert isinstance(error, ctxstore.NotFound) and error.hint
