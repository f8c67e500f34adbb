"""What every answer of the console tells the browser to refuse."""

from collections.abc import Mapping

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Nothing inline, nothing from elsewhere, in nobody's frame."""

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers send forms with the origin "null", which is refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
PRIVATE: Mapping[str, str] = {**SECURITY, "Cache-Control": "no-store"}
"""For what only the person who asked may see."""

CONTENT: Mapping[str, str] = {**PRIVATE, "Content-Security-Policy": "default-src 'none'; sandbox"}
"""What customers and strangers wrote must never run as a page of ours."""
