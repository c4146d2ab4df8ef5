"""A program for aider's Python: probe.py START SETTINGS CODE [ARGUMENT…]. CODE uses `coder` and sets `result`."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import sys

start, settings, code, *arguments = sys.argv[1:]
spec = importlib.util.spec_from_file_location("start", start)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.load_commands(os.path.dirname(start)).register(settings)
said = io.StringIO()
with contextlib.redirect_stdout(said):
    from aider.main import main

    names = {"coder": main(arguments, return_coder=True)}
    exec(code, names)
print(json.dumps({"result": names.get("result"), "said": said.getvalue()}))
