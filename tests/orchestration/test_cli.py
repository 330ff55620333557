"""The command line: its help, its exit codes, and one line for whatever was asked wrongly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from assets.world.parameters import load_parameters
from orchestration.cli import COMMANDS
from orchestration.commands.release_command import _RUN as RELEASE_ACTIONS


@pytest.mark.parametrize(
    "words",
    [
        [],
        *([command] for command in COMMANDS),
        ["import", "movielens"],
        ["import", "events"],
        *(["release", action] for action in RELEASE_ACTIONS),
    ],
    ids=" ".join,
)
def test_help(daybreak, words):
    told = daybreak(*words, "--help")
    assert told.code == 0
    assert told.out.startswith(f"usage: {' '.join(['daybreak', *words])} ")
    assert told.err == ""


def test_the_help_names_every_command(daybreak):
    told = daybreak("--help").out
    for command, text in COMMANDS.items():
        assert f"    {command} " in told
        assert text.split()[0] in told


WRONG = {
    "no command": ([], "required: COMMAND"),
    "an unknown command": (["frobnicate"], "invalid choice: 'frobnicate'"),
    "an unknown flag": (["run", "--fast"], "unrecognized arguments: --fast"),
    "a flag of several lines": (["run", "--a\nb"], "unrecognized arguments: --a b"),
    "no such day": (["run", "--as-of", "2020-02-30"], "as-of date '2020-02-30' is not a date"),
    "another spelling of a day": (["run", "--as-of", "20200229"], "write it as YYYY-MM-DD"),
    "a day of tomorrow's": (["run", "--as-of", "2999-01-01"], "as-of date 2999-01-01 is not from"),
    "a day before all": (["run", "--as-of", "1994-12-31"], "is not from 1995-01-01 to"),
    "an unknown engine": (["run", "--engine", "pandas"], "invalid choice: 'pandas'"),
    "no kind of import": (["import"], "required: KIND"),
    "an unknown kind": (["import", "netflix", "."], "invalid choice: 'netflix'"),
    "a missing folder": (["import", "movielens", "gone"], "'gone' has no movies.csv"),
    "a missing file": (["import", "events", "gone.csv"], "file 'gone.csv' does not exist"),
    "no pair": (["import", "events", "x", "--columns", "user_id"], "--columns part 'user_id'"),
    "an unknown column": (["import", "events", "x", "--columns", "who=x"], "who"),
    "an unknown action": (["import", "events", "x", "--actions", "V=gaze"], "gaze"),
    "no release action": (["release"], "required: ACTION"),
    "an unknown release action": (["release", "burn"], "invalid choice: 'burn'"),
    "nothing to show": (["release", "current"], "no release stands; run `daybreak run`"),
    "nothing to verify": (["release", "verify"], "no release stands; run `daybreak run`"),
    "nothing to compare": (["release", "diff"], "no release is stored; run `daybreak run`"),
    "an unknown release to compare": (["release", "diff", "x", "y"], "there is no release x"),
    "nothing to roll back": (["release", "rollback"], "no release stands"),
    "nothing to pin": (["release", "pin", "x"], "release x is not published"),
    "an unsafe name": (["release", "verify", "../../etc"], "'../../etc'"),
    "no release to follow": (["why", "u1"], "no release stands; run `daybreak run`"),
    "a port that is none": (["serve", "--port", "0"], "--port 0"),
    "a port that is no number": (["serve", "--port", "http"], "invalid int value: 'http'"),
    "a negative seed": (["demo", "--seed", "-1"], "--seed -1 is negative"),
    "a port of the UI that is none": (["ui", "--port", "99999"], "--port 99999 is not from 1 to"),
    "no workers": (["serve", "--workers", "0"], "--workers 0"),
    "an unknown benchmark": (["bench", "speed"], "invalid choice: 'speed' (choose from"),
    "a benchmark of no size": (
        ["bench", "daily", "--events", "0"],
        "'0' is not a number from 100 to 1,000,000,000",
    ),
    "a query that is none": (["sql", "SELEKT 1"], "query failed"),
    "a table that is none": (["sql", "FROM lake_meals"], "query failed"),
    "a query that is no text": (["sql", "SELECT '\udcff'"], "query is no UTF-8 text"),
    "a date of no table": (["sql", "SELECT 1", "--as-of", "someday"], "'someday' is not a date"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=list(WRONG))
def test_wrong_usage_is_one_line_and_exit_code_2(daybreak, words, told):
    found = daybreak(*words)
    assert found.code == 2
    assert found.out == ""
    assert found.err.count("\n") == 1, found.err
    assert found.err.startswith("daybreak")
    assert told in found.err


def test_a_home_that_is_a_file(daybreak, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    found = daybreak("release", "list", "--home", str(tmp_path / "file"))
    assert found.code == 2
    assert found.err.endswith("is a file; give a folder with --home\n")


def test_a_home_that_cannot_be_made(daybreak, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "events.csv").write_text("user_id\n")
    home = str(tmp_path / "file" / "home")
    found = daybreak("import", "events", str(tmp_path / "events.csv"), "--home", home)
    assert found.code == 1
    assert found.err.count("\n") == 1
    assert "Not a directory" in found.err


def test_the_demo_stays_out_of_other_data(daybreak):
    (daybreak.home / "landing").mkdir(parents=True)
    (daybreak.home / "landing" / "events.csv").write_text("user_id\n")
    found = daybreak("demo")
    assert found.code == 2
    assert "holds other data; give the demo its own with --home" in found.err


@pytest.mark.parametrize(
    ("flags", "named"),
    [(("--users", "300"), "n_users"), (("--seed", "2"), "seed"), ((), "parameters")],
)
def test_the_demo_stays_out_of_another_world(daybreak, flags, named):
    world = {
        "n_users": 2000, "seed": 1, "parameters": load_parameters().model_dump(mode="json"),
    }  # fmt: skip
    if not flags:
        world["parameters"]["scale"]["min_items"] += 1
    (daybreak.home / "truth").mkdir(parents=True)
    (daybreak.home / "truth" / "world.json").write_text(json.dumps(world))
    found = daybreak("demo", *flags)
    assert found.code == 2
    assert f"holds a world of other {named}; give this one its own" in found.err
    assert found.err.count("\n") == 1
    assert not (daybreak.home / "landing").exists()


SETTINGS = {
    "an unknown key": ("DAYBREAK_LISTS__SIZE", "40", "setting 'lists.size' = 40"),
    "an unknown section": ("DAYBREAK_LIST__LENGTH", "40", "setting 'list'"),
    "no number": ("DAYBREAK_LISTS__LENGTH", "many", "setting 'lists.length' = 'many'"),
    "out of range": ("DAYBREAK_LISTS__LENGTH", "9", "setting 'lists.length' = 9"),
    "not a number": ("DAYBREAK_GATE__MARGIN", "NaN", "setting 'gate.margin' = nan"),
    "an engine that is none": ("DAYBREAK_ENGINE", "pandas", "setting 'engine' = 'pandas'"),
    "a key as a section": ("DAYBREAK_GATE__MARGIN__LOW", "1", "names a section that is a value"),
    "a missing file": ("DAYBREAK_CONFIG", "/gone.toml", "'/gone.toml' does not exist"),
}


@pytest.mark.parametrize(("name", "value", "told"), SETTINGS.values(), ids=list(SETTINGS))
def test_a_wrong_variable_is_one_line_and_exit_code_2(daybreak, monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    found = daybreak("run", "--as-of", "2025-01-01")
    assert found.code == 2
    assert found.err.count("\n") == 1, found.err
    assert told in found.err


def test_an_unknown_key_of_the_file(daybreak, monkeypatch, tmp_path):
    (tmp_path / "own.toml").write_text("[gate]\nmargn = 0.1\n")
    monkeypatch.setenv("DAYBREAK_CONFIG", str(tmp_path / "own.toml"))
    found = daybreak("run", "--as-of", "2025-01-01")
    assert found.code == 2
    assert "setting 'gate.margn' = 0.1" in found.err


def test_an_empty_home(daybreak):
    assert daybreak("release", "list").out == "no release yet; run `daybreak run`\n"
    assert json.loads(daybreak("release", "list", "--json").out) == []
    names = [f"lake_{name}" for name in ("events", "item_rows", "quarantine", "tags", "user_rows")]
    found = json.loads(daybreak("sql", "--json").out)
    assert found == {"columns": ["table_name"], "rows": [{"table_name": name} for name in names]}


def test_import_tells_what_became_of_each_file(daybreak, tmp_path):
    rows = "u1,i1,view,2025-01-01\nu1,i1,view,2025-01-01\nu2,,view,2025-01-01\n"
    (tmp_path / "log.csv").write_text("user_id,item_id,action,occurred_at\n" + rows)
    found = daybreak("import", "events", str(tmp_path / "log.csv"), "--json")
    assert found.code == 0
    assert json.loads(found.out) == {
        "files": [
            {
                "file": "log.csv", "status": "ingested", "reason": None,
                "read": 3, "accepted": 1, "duplicate": 1, "quarantined": 1,
            }
        ]
    }  # fmt: skip
    again = daybreak("import", "events", str(tmp_path / "log.csv"))
    assert again.out == "log.csv: taken in before, as ledger entry 1; nothing changed\n"


def test_an_unreadable_file_is_named_and_does_not_stop_the_others(daybreak, tmp_path):
    (tmp_path / "log.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "log.csv").write_text("user_id,item_id,action,occurred_at\nu1,i1,view,2025-01-01\n")
    paths = [str(tmp_path / name) for name in ("log.parquet", "log.csv")]
    found = daybreak("import", "events", *paths, "--json")
    assert found.code == 0
    torn, whole = json.loads(found.out)["files"]
    assert (torn["status"], torn["quarantined"]) == ("unreadable", 1)
    assert torn["reason"]
    assert (whole["status"], whole["accepted"]) == ("ingested", 1)


def test_nothing_but_unreadable_files_is_bad_input(daybreak, tmp_path):
    (tmp_path / "log.parquet").write_bytes(b"PAR1 and no more")
    found = daybreak("import", "events", str(tmp_path / "log.parquet"))
    assert found.code == 2
    assert found.out == ""
    (line,) = found.err.splitlines()
    assert line.startswith("daybreak: log.parquet cannot be used: ")
    again = daybreak("import", "events", str(tmp_path / "log.parquet"))
    assert (again.code, again.out, again.err) == (2, "", found.err)


def test_a_file_that_was_unreadable_before_is_told_so_beside_others(daybreak, tmp_path):
    (tmp_path / "log.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "log.csv").write_text("user_id,item_id,action,occurred_at\nu1,i1,view,2025-01-01\n")
    words = ["import", "events", *(str(tmp_path / name) for name in ("log.parquet", "log.csv"))]
    first = json.loads(daybreak(*words, "--json").out)["files"]
    found = daybreak(*words, "--json")
    assert found.code == 0
    torn, whole = json.loads(found.out)["files"]
    assert torn == {
        "file": "log.parquet", "status": "unreadable", "reason": first[0]["reason"], "entry": 1,
    }  # fmt: skip
    assert whole == {"file": "log.csv", "status": "repeated", "entry": 2}
    line, _ = daybreak(*words).out.splitlines()
    assert line.startswith("log.parquet: taken in before, as ledger entry 1, and unreadable (")


@pytest.mark.parametrize("unfinished", [[], ["landing/log.csv.part", "landing/.hidden"]])
def test_run_makes_nothing_in_a_home_without_data(daybreak, unfinished):
    for name in unfinished:
        (daybreak.home / name).parent.mkdir(parents=True, exist_ok=True)
        (daybreak.home / name).write_text("")
    before = sorted(daybreak.home.rglob("*"))
    found = daybreak("run", "--as-of", "2025-01-01")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert f"home {str(daybreak.home)!r} holds no imported and no landed file" in found.err
    assert "`daybreak import`" in found.err
    assert sorted(daybreak.home.rglob("*")) == before


@pytest.fixture
def landed(daybreak, tmp_path):
    """A home with three events in its lake."""
    rows = "".join(f"u{n},i{n},view,2025-01-0{n}\n" for n in (1, 2, 3))
    (tmp_path / "log.csv").write_text("user_id,item_id,action,occurred_at\n" + rows)
    assert daybreak("import", "events", str(tmp_path / "log.csv")).code == 0
    return daybreak.home


def test_sql_reads(daybreak, landed):
    found = daybreak("sql", "SELECT user_id, item_id FROM lake_events ORDER BY 1 LIMIT 2", "--json")
    assert json.loads(found.out) == {
        "columns": ["user_id", "item_id"],
        "rows": [{"user_id": "u1", "item_id": "i1"}, {"user_id": "u2", "item_id": "i2"}],
    }
    shown = daybreak("sql", "SELECT count(*) AS n_events FROM lake_events").out
    assert "n_events" in shown


def test_sql_answers_in_json_whatever_the_type(daybreak):
    query = (
        "SELECT 'nan'::DOUBLE AS n, [DATE '2020-01-01'] AS l, {'d': 1.5::DECIMAL(3,1)} AS s, "
        "NULL AS nothing, true AS yes"
    )
    (row,) = json.loads(daybreak("sql", query, "--json").out, parse_constant=pytest.fail)["rows"]
    assert row == {"n": "nan", "l": ["2020-01-01"], "s": {"d": "1.5"}, "nothing": None, "yes": True}
    assert "two columns named 'a'" in daybreak("sql", "SELECT 1 AS a, 2 AS a", "--json").err


FORBIDDEN = [
    "COPY (SELECT 1) TO '{home}/stolen.csv'",
    "COPY (SELECT 1) TO '{outside}/stolen.csv'",
    "EXPORT DATABASE '{home}/copy'",
    "ATTACH '{home}/new.db'",
    "ATTACH '{outside}/new.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE TABLE mine AS SELECT 1",
    "DROP VIEW lake_events",
    "INSERT INTO lake_events SELECT * FROM lake_events",
    "SET enable_external_access = true",
    "PRAGMA enable_profiling",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{home}/stolen.csv'",
    "SELECT 1; COPY (SELECT 1) TO '{home}/stolen.csv'",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{home}/stolen.csv''')",
    "SELECT * FROM read_text('{outside}/secret.csv')",
    "SELECT * FROM '{outside}/secret.csv'",
    "SELECT * FROM '{home}/../outside/secret.csv'",
    "SELECT * FROM read_text('{home}-twin/secret.csv')",
    "SELECT * FROM glob('{outside}/*')",
    " ; ",
]


@pytest.mark.parametrize("query", FORBIDDEN)
def test_sql_refuses_to_write_and_to_read_elsewhere(daybreak, landed, tmp_path, query):
    outside = tmp_path / "outside"
    for folder in (outside, landed.with_name(f"{landed.name}-twin")):
        folder.mkdir()
        (folder / "secret.csv").write_text("a\n1\n")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    found = daybreak("sql", query.format(home=landed, outside=outside))
    assert found.code == 2
    assert found.out == ""
    assert found.err.count("\n") == 1
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_doctor(daybreak):
    found = daybreak("doctor", "--json")
    assert found.code == 0
    rows = json.loads(found.out)
    assert {"python", "memory", "disk", "cores", "java", "home", "port 8080", "torch"} <= set(rows)
    assert all(set(row) == {"ok", "note"} for row in rows.values())
    assert rows["python"]["ok"] is True
    shown = daybreak("doctor")
    assert shown.code == 0
    assert len(shown.out.splitlines()) == len(rows)


@pytest.mark.parametrize("command", ["serve", "ui"])
def test_a_server_says_which_port_is_taken(daybreak, command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = daybreak(command, "--port", str(port))
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert f"port {port}" in found.err
    assert not daybreak.home.exists()


def piped(words, home, **variables):
    """Runs the program in a process of its own, its standard output a pipe nobody reads."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *words, "--home", str(home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables},
    )  # fmt: skip
    process.stdout.close()
    process.stdout = None
    return process.communicate(timeout=60)[1], process.returncode


@pytest.mark.parametrize(
    "words",
    [["--help"], ["release", "list"], ["release", "list", "--json"], ["sql"]],
    ids=" ".join,
)
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(tmp_path, words, buffered):
    errors, _ = piped(words, tmp_path, PYTHONUNBUFFERED=buffered)
    assert errors == ""


@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["text", "json"])
def test_serve_says_where_at_the_start(tmp_path, flag):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", "--home", str(tmp_path), "--port", str(port), *flag]
    server = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first = server.stdout.readline()
        time.sleep(1)  # its workers come up: a signal before would not be a stop
        assert server.poll() is None
    finally:
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=30)
    address = f"http://127.0.0.1:{port}"
    if flag:
        assert json.loads(first + rest) == {"address": address, "home": str(tmp_path)}
    else:
        assert first + rest == f"serving {tmp_path} on {address}\n"


@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["text", "json"])
def test_a_letter_that_the_terminal_lacks_is_escaped(tmp_path, flag):
    words = ["sql", "SELECT 'é' AS letter", "--home", str(tmp_path), *flag]
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *words],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    if flag:
        assert json.loads(done.stdout)["rows"] == [{"letter": "é"}]
    else:
        assert "\\xe9" in done.stdout


def test_the_installed_program(tmp_path):
    """Once as people call it: a process of its own, its streams and its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "release", "current", "--home", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "daybreak: no release stands; run `daybreak run`\n"


@pytest.mark.parametrize(
    "words",
    [
        ("takedown", "a\udcff"),
        ("takedown", "--force", "a\udcff"),
        ("takedown", "--undo", "a\udcff"),
        ("optout", "u\udcff"),
        ("erase", "u\udcff"),
        ("release", "pin", "2025-04-02.abcdef", "--reason", "\udcff"),
        ("release", "rollback", "--reason", "\udcff"),
        ("release", "unpin", "--reason", "\udcff"),
        ("why", "u\udcff"),
        ("why", "u", "a\udcff"),
    ],
    ids=" ".join,
)
def test_words_that_are_no_utf8_are_refused_in_one_line(daybreak, words):
    told = daybreak(*words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "is no UTF-8 text: '" in told.err
    assert not daybreak.home.exists()
