"""The one page of the console: it names the assets that the first view needs, and holds nothing else."""

from collections.abc import Mapping

from chalicelib.console.assets import Asset, imported_at_once

ENTRY = "app.js"
ICON = "icon.svg"
# The style sheets that the ones of single views build on, in their order; views bring their own.
_STYLES = ("tokens.css", "style.css", "frame.css", "dialogs.css", "parts.css")


def content_security_policy(frame_ancestors: str) -> str:
    """Allow the page its own files and its own API, and nothing else: no inline script or style, no other host."""
    return "; ".join([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        f"frame-ancestors {frame_ancestors}",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ])


def write_shell(files: Mapping[str, str], assets: Mapping[str, Asset]) -> str:
    """Write the page. Its addresses are relative to its own, so it works under any stage path and domain."""

    def address(name: str) -> str:
        return f"console/assets/{assets[name].name}"

    styles = [f'<link rel="stylesheet" href="{address(name)}">' for name in _STYLES]
    preloads = [
        f'<link rel="modulepreload" href="{address(name)}">'
        for name in imported_at_once(ENTRY, files)
        if name != ENTRY
    ]
    return "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        "<title>Billing</title>",
        f'<link rel="icon" type="image/svg+xml" href="{address(ICON)}">',
        *styles,
        *preloads,
        f'<script type="module" src="{address(ENTRY)}"></script>',
        "</head>",
        "<body>",
        '<div id="console"></div>',
        "<noscript>This page needs JavaScript. The same figures are at the API, described in /openapi.json.</noscript>",
        "</body>",
        "</html>",
        "",
    ])

