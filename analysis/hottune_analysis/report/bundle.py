"""The drawing library for the page: plotly.js out of the installed Python package plotly, packed.

Debian's package brings it as 8.7 MB of source, PyPI's as 4.8 MB; neither has a smaller bundle. Packed it takes 2.5 and
2 MB of the page, which unpacks it itself."""

from __future__ import annotations

import base64
import gzip


def plotly_packed() -> tuple[str, str]:
    """(version, gzip of plotly.js as base64)."""
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    packed = gzip.compress(get_plotlyjs().encode("utf-8"), 6, mtime=0)
    return get_plotlyjs_version(), base64.b64encode(packed).decode("ascii")
