"""A page in headless Chromium, driven over its remote debugging protocol: what a test of pages needs, and no more.

Needs python3-websocket. The browser has a profile of its own and no network but its loopback."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from typing import Any

import websocket


class Browser:
    """One page. `errors`: what the console said of errors, `asked`: addresses that were asked for beside files and data."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="hottune-browser.")
        self._process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                f"--user-data-dir={self._profile}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._last = 0
        self.errors: list[str] = []
        self.asked: list[str] = []
        port, path = self._address()
        self._browser = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=60)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def _address(self) -> tuple[str, str]:
        file = os.path.join(self._profile, "DevToolsActivePort")
        for _ in range(300):
            if os.path.exists(file):
                lines = open(file).read().split("\n")
                if len(lines) >= 2 and lines[1]:
                    return lines[0], lines[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        self.close()
        raise OSError("the browser does not start")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **params: Any) -> dict:
        """One request; events that come before its answer are noted."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._browser.send(json.dumps(message))
        while True:
            answer = json.loads(self._browser.recv())
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict) -> None:
        what, p = event.get("method"), event.get("params", {})
        if what == "Runtime.exceptionThrown":
            self.errors.append(
                str(
                    p["exceptionDetails"].get("exception", {}).get("description")
                    or p["exceptionDetails"]["text"]
                )
            )
        elif what == "Runtime.consoleAPICalled" and p["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in p["args"]))
        elif what == "Log.entryAdded" and p["entry"]["level"] == "error":
            self.errors.append(p["entry"]["text"])
        elif what == "Network.requestWillBeSent" and not p["request"]["url"].startswith(
            ("file:", "data:", "blob:", "about:")
        ):
            self.asked.append(p["request"]["url"])
        elif what == "Page.javascriptDialogOpening":
            self.errors.append("a dialog: " + p["message"])
            self._browser.send(
                json.dumps(
                    {
                        "id": 0,
                        "method": "Page.handleJavaScriptDialog",
                        "params": {"accept": False},
                        "sessionId": self._session,
                    }
                )
            )

    def see(self, width: int, height: int, dark: bool = False, touch: bool = False) -> None:
        """The size of the window, and which theme the system asks for."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, path: str) -> None:
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        self.until("document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        out = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in out:
            raise RuntimeError(out["exceptionDetails"].get("exception", {}).get("description", str(out)))
        return out["result"].get("value")

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until it is true."""
        for _ in range(int(seconds * 20)):
            if self.run(f"Boolean({expression})"):
                return
            time.sleep(0.05)
        raise RuntimeError("never true: " + expression)

    def point(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text="\r" if key == "Enter" and kind == "keyDown" else "",
            )

    def picture(self, path: str, whole: bool = True) -> None:
        """A PNG of the page."""
        clip = {}
        if whole:
            size = self.run("({w: innerWidth, h: document.documentElement.scrollHeight})")
            clip = {
                "clip": {"x": 0, "y": 0, "width": size["w"], "height": size["h"], "scale": 1},
                "captureBeyondViewport": True,
            }
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png", **clip)["data"]))
