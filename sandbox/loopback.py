"""By which names a stand-in may be called: this machine's own, or DNS could lead a page of any other name to it."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

LOCAL_NAMES = ("127.0.0.1", "localhost")
FOR_THIS_MACHINE = Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL_NAMES))
