"""A model on loopback for real clients. It replies "REPLY n" by default, and records all requests."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.clients.model import anthropic, chat, gemini, responses
from tests.clients.model.replies import Answer, Call, Reply, Say, Turn

PATIENCE = 60
"""The seconds after which a held answer is sent anyway."""


class Request(NamedTuple):
    """A client's request. `conversation` is None for a side request (a title, a count of tokens)."""

    method: str
    path: str
    body: Any
    conversation: list[Turn] | None


class ModelServer:
    """A server on a free port of 127.0.0.1, until the end of `with ModelServer() as model`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: deque[Reply] = deque()
        self._count = 0
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._waiting = threading.Event()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()

    def say(self, text: str) -> None:
        """Adds a text to the queue of replies."""
        self._replies.append(Say(text))

    def call(self, tool: str, **arguments: Any) -> None:
        """Adds a call of one of the client's tools to the queue of replies. The client then sends the tool's result."""
        self._replies.append(Call(tool, arguments))

    @contextlib.contextmanager
    def holding(self) -> Iterator[threading.Event]:
        """Delays all answers within the block. The event is set once a client waits for its answer."""
        self._waiting.clear()
        self._open.clear()
        try:
            yield self._waiting
        finally:
            self._open.set()

    def conversations(self) -> list[list[Turn]]:
        """Lists the turns of each request of a session, oldest first."""
        with self._lock:
            return [request.conversation for request in self.requests if request.conversation is not None]

    def last_conversation(self) -> list[Turn]:
        """Lists the turns of a session's last request, including the new one."""
        conversations = self.conversations()
        assert conversations, f"no client asked for anything: {[request.path for request in self.requests]}"
        return conversations[-1]

    def take(self, method: str, path: str, body: Any) -> Answer | None:
        """Records a request, and returns its answer if it is one for a model."""
        dialect = _dialect(path) if method == "POST" else None
        of_session = dialect is not None and dialect.is_conversation(body)
        with self._lock:
            self.requests.append(Request(method, path, body, dialect.conversation(body) if of_session else None))
        if dialect is None:
            return _beside(method, path, body)
        if not of_session:
            return dialect.answer(body, Say("A title"), 0)
        self._waiting.set()
        self._open.wait(PATIENCE)
        with self._lock:
            self._count += 1
            reply = self._replies.popleft() if self._replies else Say(f"REPLY {self._count}")
            return dialect.answer(body, reply, self._count)


def _dialect(path: str) -> ModuleType | None:
    if path.endswith("/v1/messages"):
        return anthropic
    if path.endswith("/responses"):
        return responses
    if path.endswith("/chat/completions"):
        return chat
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return gemini
    return None


def _beside(method: str, path: str, body: Any) -> Answer | None:
    """Answers side requests, which count tokens or list models."""
    if path.endswith("/count_tokens"):
        return Answer({"input_tokens": len(json.dumps(body)) // 4})
    if path.endswith(":countTokens"):
        return Answer({"totalTokens": len(json.dumps(body)) // 4})
    if method == "GET" and path.endswith("/models"):
        return Answer({"object": "list", "data": [], "models": []})
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores a client that has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._send(200, "application/json", b"")

    def do_GET(self) -> None:
        self._answer("GET", None)

    def do_POST(self) -> None:
        raw = b"".join(self._chunks())
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        self._answer("POST", body)

    def _chunks(self) -> Iterator[bytes]:
        """Yields the body of a request with a length or in chunks."""
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            yield self.rfile.read(int(self.headers.get("content-length") or 0))
            return
        while size := int(self.rfile.readline().strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, method: str, body: Any) -> None:
        url = urlsplit(self.path)
        answer = self.server.model.take(method, url.path, body)
        if answer is None:
            self._send(404, "application/json", b'{"error": {"message": "not here"}}')
        elif answer.events and (answer.document is None or "stream" in url.path):
            self._send(200, "text/event-stream", b"".join(map(_event, answer.events)))
        else:
            self._send(200, "application/json", json.dumps(answer.document).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


def _event(event: tuple[str | None, Any]) -> bytes:
    name, data = event
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
