"""A landing zone to throw files into, and questions about what became of them."""

import gzip
import io
import json
from collections.abc import Mapping as Object
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.ingest.account import check_account
from assets.ingest.landing import IngestReport, ingest_landing
from assets.ingest.snapshot import snapshot
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import TABLES

NOW_US = 1_767_225_600_000_000  # 2026-01-01


@dataclass
class Zone:
    home: Home
    settings: IngestSettings = field(default_factory=IngestSettings)
    now_us: int = NOW_US

    def land(self, name: str, content: bytes | str | pl.DataFrame) -> Path:
        if isinstance(content, pl.DataFrame):
            stream = io.BytesIO()
            content.write_parquet(stream)
            content = stream.getvalue()
        self.home.landing.mkdir(parents=True, exist_ok=True)
        path = self.home.landing / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land_lines(self, name: str, *records: Object[str, Any] | str) -> Path:
        lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
        return self.land(name, "\n".join(lines) + "\n")

    def land_gzip(self, name: str, content: str | bytes) -> Path:
        plain = content.encode() if isinstance(content, str) else content
        return self.land(name, gzip.compress(plain, mtime=0))

    def ingest(self, mapping: Mapping | None = None) -> IngestReport:
        report = ingest_landing(self.home, self.settings, mapping, now_us=self.now_us)
        for entry in report.entries:
            check_account(entry)
            print(entry.source_file, entry.status, entry.reason)  # shown where a test fails
        return report

    def rows(self, table: str) -> pl.DataFrame:
        paths = snapshot(self.home).paths(table)
        schema = TABLES[table].polars
        if not paths:
            return pl.DataFrame(schema=schema)
        return pl.concat([pl.read_parquet(p, hive_partitioning=False) for p in paths]).sort(
            "line" if "line" in schema else "item_id"
        )

    def refusals(self) -> list[tuple[int, str]]:
        return self.rows("quarantine").sort("line").select("line", "reason").rows()

    def counts(self, report: IngestReport) -> tuple[int, int, int, int]:
        t = report.totals
        return t.read, t.accepted, t.duplicate, t.quarantined


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(Home(tmp_path / "home"))


def event(**fields: Any) -> dict[str, Any]:
    """An event that nothing is wrong with, changed as told; None leaves a field out."""
    whole = {
        "event_id": "e1",
        "user_id": "u1",
        "item_id": "i1",
        "action": "view",
        "occurred_at": "2025-12-31T10:00:00Z",
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not ...}
