"""Data Docs as a folder of plain HTML pages: no scripts, no requests, the same bytes each time."""

import html
import json
import re
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from expectations.great import load, open_context
from expectations.pages import without_random_ids
from expectations.result import SuiteResult

_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.failed { color: #b00020; font-weight: bold; }
.collapse { display: block; }
nav img, .modal, .btn, .navbar-toggler { display: none; }
"""


def write_docs(results: Sequence[SuiteResult], folder: Path) -> list[Path]:
    """Writes the Data Docs of some validations; returns the pages' paths.

    `index.html` lists every check; beside it stand Great Expectations' own pages of the suites
    and their results, freed of scripts, fonts and everything that a browser would fetch.

    Args:
        results: at most one a table; a table that could not be read has no page of its own.
        folder: where to write; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    links = {}
    with tempfile.TemporaryDirectory() as site:
        _render(Path(site), results)
        for page in sorted(Path(site).rglob("*.html")):
            inside = page.relative_to(site)
            if inside.parts[0] not in ("expectations", "validations"):
                continue
            kind = "suite" if inside.parts[0] == "expectations" else "result"
            table, part = inside.parts[1], inside.parts[2].removesuffix(".html")
            name = f"{table}-{part}-{kind}.html"
            links[(table, part, kind)] = name
            (folder / name).write_text(_offline(page.read_text(encoding="utf-8")), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index(results, links), encoding="utf-8")
    return [index, *(folder / name for name in sorted(links.values()))]


def _render(site: Path, results: Sequence[SuiteResult]) -> None:
    """Lets Great Expectations write its pages into a folder."""
    gx = load()
    from great_expectations.core import expectation_validation_result as validation
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)}
    local = {"class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": store}
    context = open_context({"local": local})
    schema = validation.expectationSuiteValidationResultSchema
    for result in results:
        for page in result.pages:
            suite = context.suites.add(gx.ExpectationSuite(**page["suite"]))
            run = RunIdentifier(
                run_name=result.table, run_time=datetime.fromisoformat(page["run_at"])
            )
            identifier = ValidationResultIdentifier(
                expectation_suite_identifier=ExpectationSuiteIdentifier(name=suite.name),
                run_id=run,
                batch_identifier=result.table,
            )
            context.validation_results_store.set(identifier, schema.load(page["result"]))
    context.build_data_docs()


def _offline(page: str) -> str:
    """Returns a page without scripts, style sheets and images, with a style of its own."""
    bare = re.sub(r"<script\b.*?</script>|<style\b.*?</style>", "", page, flags=re.DOTALL)
    bare = re.sub(r"<(?:link|img|iframe)\b[^>]*>", "", bare)
    bare = re.sub(r'href="[^"#]*index\.html"', 'href="index.html"', bare)
    bare = re.sub(r'href="[^"]*expectations/(\w+)/(\w+)\.html"', r'href="\1-\2-suite.html"', bare)
    bare = re.sub(r'<a\b[^>]*href="https?:[^>]*>(.*?)</a>', r"\1", bare, flags=re.DOTALL)
    styled = bare.replace("</head>", f"<style>{_STYLE}</style></head>", 1)
    return without_random_ids(styled)


def _index(results: Sequence[SuiteResult], links: dict[tuple[str, str, str], str]) -> str:
    body = []
    for result in sorted(results, key=lambda result: result.table):
        pages = [
            f'<a href="{name}">{part} {kind}</a>'
            for (table, part, kind), name in sorted(links.items())
            if table == result.table
        ]
        verdict = "passed" if result.passed else '<span class="failed">failed</span>'
        rows = "".join(_row(row) for row in result.as_dict()["checks"])
        body.append(
            f"<h2>{html.escape(result.table)}: {verdict}</h2>"
            f"<p>{result.n_rows:,} rows. {' · '.join(pages)}</p>"
            "<table><tr><th>check</th><th>verdict</th><th>observed</th><th>expected</th>"
            f"<th>note</th></tr>{rows}</table>"
        )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"><title>Data Docs</title>'
        f"<style>{_STYLE}</style></head><body><h1>Data Docs</h1>{''.join(body)}</body></html>\n"
    )


def _row(check: dict[str, Any]) -> str:
    verdict = "passed" if check["passed"] else '<span class="failed">failed</span>'
    observed = json.dumps(check["observed"]) if check["observed"] is not None else "–"
    cells = [html.escape(check["name"]), verdict, observed]
    cells += [html.escape(check["expected"]), html.escape(check["note"])]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
