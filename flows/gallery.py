"""Gallery: what robots could not do in a run, as an artifact of it in Prefect: the reasons with small pictures, and where the whole evidence lies."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.settings import Settings

MOST, WIDTH, QUALITY = 12, 480, 60      # an artifact is a row of Prefect's database: a dozen pictures are about 100 kB


def leave(settings: Settings, *, since: datetime) -> int:
    """Create the artifact, inside a flow or task run: of every target that keeps evidence. Returns how many failures there were since then; without any, there
    is no artifact."""
    from prefect.artifacts import create_markdown_artifact

    targets = settings.configuration.automations.targets.values()
    folders = {settings.path.parent / target.options["evidence"] for target in targets if "evidence" in target.options}
    found = [failure for folder in sorted(folders) for failure in failures(folder, since=since)]
    if found:
        create_markdown_artifact(
            key="robot-failures", description=f"{len(found)} failures of robots / 机器人失败 {len(found)} 次", markdown=markdown(found))
    return len(found)


def failures(folder: Path, *, since: datetime) -> list[tuple[Path, dict[str, Any]]]:
    """(folder, what reason.json says) of each since then, the newest first."""
    told = [(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*Z-*/reason.json")]
    return sorted([(kept, reason) for kept, reason in told if datetime.fromisoformat(reason["at"]) >= since], key=lambda one: one[1]["at"], reverse=True)


def markdown(found: Sequence[tuple[Path, dict[str, Any]]]) -> str:
    """At most MOST of them with their pictures, the others counted."""
    parts = []
    for kept, told in found[:MOST]:
        parts += [f"### {_plain(told.get('reference') or told.get('of', kept.name))}", _plain(told["reason"]), f"`{kept}`"]
        picture = kept / str(told.get("picture", ""))
        if picture.is_file():
            parts.append(f"![{kept.name}]({_small(picture)})")
    if len(found) > MOST:
        parts.append(f"+ {len(found) - MOST}: `{found[0][0].parent}`")
    return "\n\n".join(parts) + "\n"


def _plain(text: object) -> str:
    """A portal's words are text, whatever they look like."""
    return html.escape(str(text)).replace("`", "'").replace("[", "\\[").replace("\n", " ")


def _small(picture: Path) -> str:
    """As an address that holds the picture itself: the Prefect server need not reach the robot's disk."""
    from PIL import Image

    with Image.open(picture) as whole:
        small = whole.convert("RGB")
        small.thumbnail((WIDTH, 4 * WIDTH))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
