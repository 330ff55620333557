"""The inspector in a real browser, as a person walks through it."""

import contextlib
import re
import shutil

import polars as pl
import pytest

from core.home import Home
from tests.needed import missing
from tests.serving.web.test_server import START, RunningServer
from tests.signing import AUDIENCE, ISSUER, SigningKey, key_set

ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
EVIL = '<img src=x onerror="document.title=1">'
NAMELESS = """() => [...document.querySelectorAll('button, input, select, a, summary, [tabindex]')]
    .filter((node) => node.checkVisibility())
    .map((node) => [node.outerHTML.slice(0, 90), node])
    .filter(([, node]) => !(node.ariaLabel || node.innerText?.trim() || node.labels?.length))
    .map(([text]) => text)"""
CONTRAST = """() => {
    const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const mixed = (colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const faint = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !node.checkVisibility({opacityProperty: true})
            || node.closest('svg, .unseen, option, script, noscript, datalist')) continue;
        const grounds = [];
        for (let up = node; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
        const under = mixed(grounds), over = mixed([...grounds, getComputedStyle(node).color]);
        const [a, b] = [light(under), light(over)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) faint.push([walk.currentNode.data, ratio]);
    }
    return faint;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium")
    if path is None:
        missing("the page is walked through in chromium, and there is none here")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("chromium is driven by playwright, which is not installed")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield running
        running.close()


def world(toy, root):
    """Two nights of the toy world; one item's title is a trap, one user's id is awkward."""
    tables = toy.tables(" #2")
    titles = pl.when(pl.col("item_id") == "m1").then(pl.lit(EVIL)).otherwise("title")
    tables = toy.replace(
        tables,
        items=tables.items.with_columns(title=titles),
        lists=tables.lists.with_columns(user_id=pl.col("user_id").replace("bob", "a/b?c#d&e=%"))
        .sort("user_id", "rank"),
    )  # fmt: skip
    of_ann = (pl.col("user_id") == "ann") & (pl.col("item_id") == "m2")
    ranked = pl.col("rank").rank("ordinal").over("user_id").cast(pl.Int32)
    lists = tables.lists.filter(~of_ann).with_columns(rank=ranked)
    shorter = toy.replace(tables, lists=lists)
    return [
        toy.publish(root, "1970-01-11", 1, shorter), toy.publish(root, "1970-01-12", 2, tables),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory, toy):
    home = Home(tmp_path_factory.mktemp("inspector"))
    names = world(toy, home.releases)
    server = RunningServer(home, start=START)
    server.wait(lambda: server.get("/readyz").status == 200)
    yield server, names
    code, _, errors = server.stop()
    assert (code, "Traceback" in errors) == (0, False), errors


@contextlib.contextmanager
def opened(browser, server, **options):
    """The page in a context of its own; neither complaint nor failed request is left unseen."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    page.on("response", lambda got: said.append(got.url) if got.status >= 400 else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{server.port}/")
    yield page, said
    context.close()
    assert said == []
    assert all(re.match(rf"http://127\.0\.0\.1:{server.port}/|data:", url) for url in asked)


def rows(page, name="The list"):
    listed = page.get_by_role("region", name=name).get_by_role("listitem")
    return [" ".join(x.split()) for x in listed.all_inner_texts()]


def whole(page):
    """Everything has a name, can be read, and fits its width."""
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_walk_with_the_keyboard_alone(browser, served):
    server, (_, second) = served
    with opened(browser, server) as (page, _):
        press = page.keyboard.press
        page.locator("#facts").get_by_text(second).wait_for()
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.type("an")
        page.get_by_role("option", name="ann").wait_for()
        press("Enter")
        page.get_by_role("heading", name="ann").wait_for()
        page.locator(".pick:focus").wait_for()
        assert page.locator(".pick:focus .rank").inner_text() == "1"
        assert page.locator("#said").inner_text() == "ann: 4 items, rung personal"
        press("ArrowDown")
        press("End")
        press("Home")
        press("Enter")
        panel = page.get_by_role("complementary")
        panel.get_by_text('Like "Amélie". #2').wait_for()
        panel.get_by_text("ann-m2 #2").wait_for()
        assert panel.get_by_role("heading", level=2).inner_text() == 'Say "Hi" \\ <b>'
        press("ArrowDown")  # the panel goes along
        panel.get_by_role("heading", name=EVIL).wait_for()
        whole(page)
        press("Escape")
        panel.wait_for(state="hidden")
        assert page.locator(".pick:focus .rank").inner_text() == "2"
        press("+")
        page.get_by_role("button", name=f"Remove {EVIL} from what was just looked at").wait_for()
        page.wait_for_function("document.querySelectorAll('.mark.up').length > 0")
        assert not any(EVIL in row.split(" personal")[0] for row in rows(page))
        press("/")
        page.keyboard.type("a/b?c#d&e=%")
        page.get_by_role("option", name="a/b?c#d&e=%").first.wait_for()
        press("Enter")
        page.get_by_role("heading", name="a/b?c#d&e=%").wait_for()
        page.reload()
        page.get_by_role("heading", name="a/b?c#d&e=%").wait_for()
        page.go_back()
        page.get_by_role("heading", name="ann").wait_for()
        page.keyboard.type("nobody")
        page.get_by_text("what a stranger gets").wait_for()
        press("Enter")
        page.get_by_text("not in this release: gets what a stranger gets").wait_for()
        assert page.title() == "nobody · Daybreak inspector"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 360)])
def test_list_why_session_releases_and_takedown(browser, served, scheme, width):
    server, (first, _) = served
    size = {"width": width, "height": 800}
    with opened(browser, server, color_scheme=scheme, viewport=size) as (page, _):
        page.get_by_role("button", name="ann").wait_for()
        whole(page)
        page.get_by_role("button", name="ann").click()
        page.locator(".row").first.wait_for()
        whole(page)
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ground == "rgb(19, 20, 24)") is (scheme == "dark")
        assert rows(page) == [
            '1 SH Say "Hi" \\ <b> Like "Amélie". #2 personal 1 +',
            f"2 IS {EVIL} Many like m1. #2 personal 0.75 +",
            "3 M m3 Many like m3. #2 personal 0.5 +",
            "4 日 日本 Trending now. trending 95 +",
        ]
        assert page.locator("#recent button > span").all_inner_texts() == ["Amélie"]

        page.locator(".pick").nth(1).click()
        panel = page.get_by_role("complementary")
        panel.get_by_text("none moved it").wait_for()
        assert "proposed it" in panel.get_by_role("table").inner_text()
        assert panel.get_by_role("heading", level=2).inner_text() == EVIL
        assert panel.locator(".near .title").all_inner_texts() == ['Say "Hi" \\ <b>', "m3"]
        whole(page)
        panel.get_by_role("button", name="Preview for this user").click()
        page.get_by_text("Nothing has been done").wait_for()
        assert page.locator(".note code").inner_text() == "daybreak takedown m1"
        assert page.locator(".is-gone .title").all_inner_texts() == [EVIL]
        assert not any(EVIL in row for row in rows(page, "After"))
        whole(page)
        page.get_by_role("button", name="Back to one list").click()
        page.get_by_role("region", name="The list").wait_for()

        page.get_by_label("Beside").select_option(first)
        page.get_by_role("region", name="Served release").wait_for()
        assert page.locator(".note span").inner_text() == ("0 new, 0 gone, 3 moved, 1 in place.")
        whole(page)
        page.get_by_label("Beside").select_option("")
        page.get_by_role("region", name="The list").wait_for()
        page.get_by_text("Genres").click()
        page.get_by_role("button", name="Drama").click()
        page.get_by_text("marks show what").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Drama"
        page.get_by_label("Just looked at", exact=True).fill("m4")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_role("button", name="Remove Amélie").wait_for()
        whole(page)
        assert page.locator("img").count() == 0
        assert page.title() == "ann · Daybreak inspector"


def test_with_tokens_the_page_asks_for_one(browser, tmp_path, toy):
    key = SigningKey("ES256", "e")
    (tmp_path / "keys.json").write_bytes(key_set(key))
    home = Home(tmp_path / "home")
    world(toy, home.releases)
    server = RunningServer(
        home,
        start=START,
        environment={
            "DAYBREAK_SECURITY__TOKENS": "true", "DAYBREAK_SECURITY__ISSUER": ISSUER,
            "DAYBREAK_SECURITY__AUDIENCE": AUDIENCE,
            "DAYBREAK_SECURITY__KEYS": str(tmp_path / "keys.json"),
        }.items(),
    )  # fmt: skip
    try:
        server.wait(lambda: server.get("/readyz").status == 200)
        for path in ("release", "search?prefix=", "user?user_id=ann", "item?item_id=m1",
                     "why?user_id=ann&item_id=m1", "takedown?user_id=ann&item_id=m1"):  # fmt: skip
            assert server.get("/inspector/" + path).status == 401
            own = {"authorization": "Bearer " + key.token()}
            assert server.get("/inspector/" + path, headers=own.items()).status == 403
        with opened(browser, server) as (page, said):
            for token in ("nonsense", key.token()):
                page.get_by_role("textbox", name="Token").fill(token)
                page.keyboard.press("Enter")
                page.locator("#gate-why").get_by_text("token").wait_for()
            page.get_by_text("no service role").or_(page.get_by_text("the service role")).wait_for()
            whole(page)
            page.get_by_role("textbox", name="Token").fill(key.token(roles=["daybreak-service"]))
            page.keyboard.press("Enter")
            page.get_by_role("button", name="ann").click()
            page.locator(".row").first.wait_for()
            page.locator(".pick").first.click()
            page.get_by_text("ann-m2 #2").wait_for()
            assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
            assert "token" not in page.url
            refused = [
                text for text in said if "/inspector/release" in text or "status of 40" in text
            ]
            assert len(refused) == len(said) == 6
            said.clear()
    finally:
        server.stop()


def test_without_pyarrow_the_reason_is_shown_and_the_record_excused(browser, tmp_path, toy):
    home = Home(tmp_path)
    world(toy, home.releases)
    server = RunningServer(home)
    try:
        server.wait(lambda: server.get("/readyz").status == 200)
        with opened(browser, server) as (page, said):
            page.get_by_role("button", name="ann").click()
            page.locator(".pick").first.click()
            page.get_by_text("why-records are read with pyarrow, which is not installed").wait_for()
            assert page.locator(".quote").inner_text() == 'Like "Amélie". #2'
            assert len(said) == 2  # the browser's own line, and the address
            said.clear()
    finally:
        server.stop()
