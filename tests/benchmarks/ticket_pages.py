"""An API of tickets on 127.0.0.1 for benchmarks: pages written beforehand, so that answering costs next to nothing.

    python -m tests.benchmarks.ticket_pages FOLDER

`GET /tickets` answers `{"tickets": [...], "next": "/tickets?page=1"}`, a thousand tickets a page as Zendesk's export has them, about 700 bytes each.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.stand_in.serving import serve

PAGE = 1000
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SUBJECTS = ("Where is my parcel?", "Refund for order", "The lantern arrived broken", "Müssen wir den Beleg schicken?", "发票抬头写错了", "Change of address")
SENTENCES = ("It was promised for Tuesday and nothing came.", "Please tell me what to do next.", "I have written twice already.", "Thank you.")


def ticket(number: int) -> dict[str, Any]:
    """The same number gives the same ticket. 100,003 customers write by turns, so that remembering the last ones helps nobody."""
    created = FIRST + timedelta(seconds=37 * number)
    customer = number * 7919 % 100_003
    sentence = SENTENCES[number % 4]
    return {
        "url": f"https://shop.zendesk.example/api/v2/tickets/{number}.json", "id": number, "external_id": None,
        "via": {"channel": ("email", "web", "chat")[number % 3], "source": {
            "from": {"address": f"customer.{customer}@mail.example", "name": f"Customer {customer}"}, "to": {"address": "help@shop.example"}, "rel": None}},
        "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}", "updated_at": f"{created + timedelta(hours=number % 90):%Y-%m-%dT%H:%M:%SZ}",
        "generated_timestamp": int(created.timestamp()) + 3600 * (number % 90), "type": "incident", "subject": f"{SUBJECTS[number % 6]} (SO{number % 99991:05d})",
        "priority": ("normal", "high", "low", "urgent")[number % 4], "status": ("solved", "open", "pending")[number % 3],
        "requester_id": 360_000_000_000 + customer, "assignee_id": 7 + number % 40, "organization_id": None, "group_id": 5 + number % 6,
        "tags": ["parcel", f"tag_{number % 50}"], "custom_fields": [{"id": 360041, "value": f"SO{number % 99991:05d}"}, {"id": 360042, "value": None}],
        "satisfaction_rating": {"score": "unoffered"}, "description": f"Order {number % 99991}: {sentence}",
    }


def write(folder: Path, rows: int) -> None:
    """pages.json: one page after the other; pages.index: where each ends; tickets.jsonl: the same tickets, one a line."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = [0]
    with (folder / "pages.json").open("wb") as pages, (folder / "tickets.jsonl").open("wb") as lines:
        for start in range(0, rows, PAGE):
            tickets = [json.dumps(ticket(number), separators=(",", ":"), ensure_ascii=False) for number in range(start + 1, min(start + PAGE, rows) + 1)]
            lines.write(("\n".join(tickets) + "\n").encode())
            following = json.dumps(f"/tickets?page={len(ends)}" if start + PAGE < rows else None)
            pages.write(f'{{"tickets":[{",".join(tickets)}],"next":{following}}}'.encode())
            ends.append(pages.tell())
    (folder / "pages.index").write_text(json.dumps(ends))


def answers(folder: Path) -> Iterator[Any]:
    """The function to serve."""
    ends = json.loads((folder / "pages.index").read_text())
    with (folder / "pages.json").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        def answer(method: str, url: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
            page = int(parse_qs(urlsplit(url).query).get("page", ["0"])[0])
            return 200, {"Content-Type": "application/json"}, pages[ends[page]:ends[page + 1]]

        yield answer


def main() -> None:
    for answer in answers(Path(sys.argv[1])):
        server = serve(answer)
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
