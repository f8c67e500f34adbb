"""Run Flower with a way back to the console: `python -m workers.flower --port=5555`."""

import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from celery.bin.celery import main as celery
from flower.urls import settings as pages
from tornado.template import BaseLoader, Template

NAVIGATION = "navbar.html"
_LINK = '<li class="nav-item"><a class="nav-link" href="{url}">Console</a></li>'


class Loader(BaseLoader):
    """Flower's own templates; the navigation has one link more."""

    def __init__(self, folder: Path, *, console: str, **options: Any) -> None:
        super().__init__(**options)
        self._folder = folder
        self._link = _LINK.format(url=escape(console, quote=True))

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:  # noqa: ARG002  # all lie in one folder
        """Return the name by which a template is known."""
        return name

    def _create_template(self, name: str) -> Template:
        text = (self._folder / name).read_text(encoding="utf-8")
        if name == NAVIGATION:
            # Where a later Flower has no such list there is no link, and everything else as it is.
            text = text.replace("</ul>", f"{self._link}</ul>", 1)
        return Template(text, name=name, loader=self)


def main(argv: Sequence[str]) -> None:
    """Become Celery's command for Flower; Tornado takes the templates from where the settings say."""
    from workers.app import settings  # noqa: PLC0415  # the settings are read here

    console = f"{settings.reached_at}/console/"
    pages["template_loader"] = Loader(Path(pages["template_path"]), console=console)
    sys.argv = ["celery", "-A", "workers.app", "flower", *argv]
    celery()


if __name__ == "__main__":
    main(sys.argv[1:])
