"""A child of `hottune run -- python3 YOUR_SCRIPT.py`, with Python's standard library alone: what hottune asks, as calls.

Give `serve` an object with the methods hello, train, validate, init, save, load (those that your hello promises).
The protocol: docs/child-protocol.md."""
import json
import os


def serve(training):
    """Answer until hottune says stop, or is gone. An exception in `training` is told to hottune, which goes on."""
    asks = os.fdopen(int(os.environ["HOTTUNE_CHILD_IN"]), "r", encoding="utf-8")
    answers = os.fdopen(int(os.environ["HOTTUNE_CHILD_OUT"]), "w", encoding="utf-8")
    for line in asks:
        request = json.loads(line)
        what = request.pop("do")
        if what == "stop":
            break
        try:
            answer = {"ok": True, **(getattr(training, what)(**request) or {})}
            text = json.dumps(answer, allow_nan=False)
        except Exception as e:
            text = json.dumps({"ok": False, "error": f"{type(e).__name__}: {e}"})
        print(text, file=answers, flush=True)
