// The inspector's page: asks `/inspector/…`, draws what comes. Text only ever becomes text nodes.

const $ = (id) => document.getElementById(id);
const RUNGS = ["personal", "session", "segment", "trending"];
const RULES = {
  category_cap: "moved behind the tenth place: its category had its share of the first ten",
  fresh_slot: "moved for the places that are kept for fresh items",
};
const state = { user: "", count: "10", genres: [], session: [], other: "", gone: "", item: "" };
let token = "";
let served = null;
let picked = null; // the row whose panel is open, for the focus to return to
const turns = {};
const titles = new Map(); // of the items that were shown, for the chips that name them

// --- elements ------------------------------------------------------------------------------------

function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(name, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function hash(text) {
  let h = 2166136261;
  for (const letter of text) h = Math.imul(h ^ letter.codePointAt(0), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  return (h ^ (h >>> 13)) >>> 0;
}

function initials(title) {
  const words = title.match(/[\p{L}\p{N}’']+/gu) ?? ["·"];
  const telling = words.filter((word) => !/^(the|a|an|and|of|in|on|at|to|for)$/i.test(word));
  const [first, second = ""] = telling.length ? telling : words;
  if (/\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(first)) return [...first][0];
  return [first, second].map((word) => [...word][0] ?? "").join("").toUpperCase();
}

/** A cover from nothing but the title: two colours, one of four shapes, the initials. */
function cover(item) {
  const title = item.title ?? item.item_id;
  titles.set(item.item_id, title);
  const h = hash(title);
  const hue = h % 360;
  const ground = `hsl(${hue} 38% 30%)`;
  const figure = `hsl(${(hue + 35 + ((h >>> 9) % 110)) % 360} 62% 62%)`;
  const x = (h >>> 4) % 40;
  const shapes = [
    () => svg("circle", { cx: x, cy: 18, r: 15, fill: figure }),
    () => svg("path", { d: `M0 ${14 + (x >> 1)} L40 ${34 - (x >> 1)} V0 H0 Z`, fill: figure }),
    () => svg("path", { d: `M0 32 A20 20 0 0 1 40 32 Z`, fill: figure }),
    () => svg("path", { d: "M6 6h6v26h-6zM17 12h6v20h-6zM28 18h6v14h-6z", fill: figure }),
  ];
  const letters = svg("text", {
    x: 5, y: 54, fill: "#fff", "font-size": 15, "font-weight": 650, "font-family": "system-ui, sans-serif",
  }, initials(title));
  return svg("svg", { viewBox: "0 0 40 60", class: "cover", "aria-hidden": "true" },
    svg("rect", { width: 40, height: 60, fill: ground }), shapes[(h >>> 20) % 4](), letters);
}

function bar(share) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return svg("svg", { viewBox: "0 0 100 3", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
    svg("rect", { width, height: 3 }));
}

const name = (item) => item.title ?? item.item_id;
const whole = (n) => n.toLocaleString("en");
const places = (x) => (x === null || x === undefined ? "none" : x.toLocaleString("en", { maximumFractionDigits: 4 }));
const plural = (n, one, many = `${one}s`) => `${whole(n)} ${n === 1 ? one : many}`;

function ago(seconds) {
  if (seconds < 90) return plural(seconds, "second");
  if (seconds < 5400) return plural(Math.round(seconds / 60), "minute");
  if (seconds < 129600) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86400), "day");
}

const say = (text) => { $("said").textContent = text; };

// --- asking --------------------------------------------------------------------------------------

class Problem extends Error {}

async function ask(what, fields = {}) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(`/inspector/${what}?${new URLSearchParams(fields)}`, { headers });
  } catch {
    throw new Problem("The server can’t be reached. Is it still running?");
  }
  const said = await response.json().catch(() => null);
  if (response.ok) return said;
  if (response.status === 401 || (response.status === 403 && token)) openGate(said?.detail ?? "");
  throw new Problem(said ? `${said.title}: ${said.detail}` : `The server answered ${response.status}.`);
}

/** Runs one asking of a kind; what a later one of the same kind has overtaken changes nothing. */
async function latest(kind, work, draw) {
  const turn = (turns[kind] = (turns[kind] ?? 0) + 1);
  try {
    const found = await work();
    if (turn !== turns[kind]) return;
    $("problem").hidden = true;
    draw(found);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (turn === turns[kind] && $("gate").hidden) {
      $("problem").textContent = error.message;
      $("problem").hidden = false;
    }
  }
}

function openGate(detail) {
  if (token) $("gate-why").textContent = detail;
  token = "";
  $("gate").hidden = false;
  for (const id of ["main", "panel", "problem"]) $(id).hidden = true;
  $("token").focus();
}

$("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  $("gate").hidden = true;
  $("main").hidden = false;
  start();
});

// --- what is served ------------------------------------------------------------------------------

function drawHead(head) {
  if (served && served.release !== head.release && state.user) drawUser();
  served = head;
  const rungs = RUNGS.filter((rung) => head.answers[rung]).map((rung) =>
    el("span", { class: `badge ${rungClass(rung)}`, title: `lists answered from the rung ${rung}` }, `${rung} ${whole(head.answers[rung])}`));
  const facts = [
    ["release", [el("span", { class: "mono" }, head.release)]],
    ["as of", [head.as_of]],
    ["published", [el("time", { datetime: head.published_at, title: head.published_at }, `${ago(head.age_seconds)} ago`)]],
    ["holds", [`${plural(head.n_users, "user")}, ${plural(head.n_items, "item")}`]],
    ["answered", rungs.length ? rungs : ["no list yet"]],
  ];
  $("facts").replaceChildren(...facts.map(([term, what]) => el("div", { class: term }, el("dt", {}, term), el("dd", {}, ...what))));
  $("stale").textContent = `This release is ${ago(head.age_seconds)} old: last night’s is missing. Lists are served on as they are.`;
  $("stale").hidden = !head.is_stale;
  const others = head.others.map((one) => el("option", { value: one.release },
    `${one.release}${one.status === "published" ? "" : `, ${one.status === "barred" ? "rolled back" : one.status}`}`));
  $("other").replaceChildren(el("option", { value: "" }, others.length ? "no other release" : "no other is kept"), ...others);
  $("other").value = head.others.some((one) => one.release === state.other) ? state.other : "";
  drawGenres();
}

const rungClass = (rung) => (rung === "session" ? "session-rung" : rung);

function drawGenres() {
  $("genres").hidden = !served.genres.length;
  const chips = [...$("genre-chips").children];
  if (String(chips.map((chip) => chip.textContent)) !== String(served.genres)) {
    $("genre-chips").replaceChildren(...served.genres.map((genre) => el("button", {
      type: "button", class: "chip",
      onclick: () => go({
        genres: state.genres.includes(genre) ? state.genres.filter((x) => x !== genre) : [...state.genres, genre],
      }),
    }, genre)));
  }
  for (const chip of $("genre-chips").children) chip.setAttribute("aria-pressed", String(state.genres.includes(chip.textContent)));
  $("genres-said").textContent = state.genres.length ? state.genres.join(", ") : "as stated";
}

// --- search --------------------------------------------------------------------------------------

let options = [];
let active = -1;
let foundFor = "";

function drawFound(found, typed) {
  const users = found.users.map((user) => ({
    act: () => go({ user: user.user_id, item: "" }, true), user: user.user_id,
    parts: [el("span", { class: "name" }, user.user_id), el("span", {}, records(user))],
  }));
  const items = found.items.map((item) => ({
    act: () => go({ item: item.item_id }, true),
    parts: [cover(item), el("span", { class: "name" }, name(item)), el("span", {}, item.item_id)],
  }));
  const isExact = found.users.some((user) => user.user_id === found.prefix);
  const stranger = typed && !isExact ? [{
    act: () => go({ user: typed, item: "" }, true),
    parts: [el("span", { class: "name" }, typed), el("span", {}, "what a stranger gets")],
  }] : [];
  options = [...users, ...items, ...stranger];
  active = options.length ? 0 : -1;
  foundFor = typed;
  const more = found.more_users || found.more_items
    ? [el("li", { class: "none", role: "presentation" }, el("span", {}, "There are more; type on."))] : [];
  $("found").replaceChildren(...options.map((option, n) => el("li", {
    role: "option", id: `found-${n}`, "aria-selected": String(n === active),
    onpointerdown: (event) => { event.preventDefault(); choose(n); },
  }, ...option.parts)), ...more);
  showFound(true);
  say(`${plural(users.length, "user")} and ${plural(items.length, "item")} found`);
}

const records = (user) => (user.n_rows ? `${plural(user.n_rows, "row")} of their own` : "no list of their own");

function showFound(isOpen) {
  $("found").hidden = !isOpen;
  $("search").setAttribute("aria-expanded", String(isOpen));
  markActive();
}

function markActive() {
  [...$("found").querySelectorAll("[role=option]")].forEach((node, n) => {
    node.setAttribute("aria-selected", String(n === active));
    if (n === active && !$("found").hidden) node.scrollIntoView({ block: "nearest" });
  });
  if (active >= 0 && !$("found").hidden) $("search").setAttribute("aria-activedescendant", `found-${active}`);
  else $("search").removeAttribute("aria-activedescendant");
}

function choose(n) {
  showFound(false);
  turns.search = (turns.search ?? 0) + 1;
  const option = options[n];
  if (!option) return;
  $("search").value = "";
  option.act();
}

function search() {
  const typed = $("search").value.trim();
  if (!typed) {
    turns.search = (turns.search ?? 0) + 1;
    return showFound(false);
  }
  return latest("search", () => ask("search", { prefix: typed }), (found) => drawFound(found, typed));
}

$("search").addEventListener("input", search);
$("search").addEventListener("focus", () => { if ($("search").value) search(); });
$("search").addEventListener("blur", () => showFound(false));
$("search").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length && !$("found").hidden) {
    event.preventDefault();
    active = (active + step + options.length) % options.length;
    markActive();
  } else if (event.key === "Enter") {
    event.preventDefault();
    // Who types fast is ahead of what was found: what stands there counts.
    const isOld = $("found").hidden || foundFor !== $("search").value.trim();
    if (isOld) search()?.then(() => choose(active));
    else choose(active);
  } else if (event.key === "Escape" && !$("found").hidden) {
    event.stopPropagation();
    showFound(false);
  }
});
document.querySelector(".search").addEventListener("submit", (event) => event.preventDefault());

// --- a user --------------------------------------------------------------------------------------

const asked = () => ({
  user_id: state.user, count: state.count,
  ...(state.session.length ? { session: state.session.join(",") } : {}),
  ...(state.genres.length ? { genres: state.genres.join(",") } : {}),
});

function drawUser(takeFocus = false) {
  $("welcome").hidden = true;
  $("user").hidden = false;
  $("count").value = state.count;
  $("session-chips").replaceChildren(...state.session.map((item) => el("button", {
    type: "button", class: "chip", "aria-label": `Remove ${titles.get(item) ?? item} from what was just looked at`,
    onclick: () => {
      $("session-item").focus();
      go({ session: state.session.filter((x) => x !== item) });
    },
  }, `${titles.get(item) ?? item} ×`)));
  if (served) drawGenres();
  const beside = state.gone ? ask("takedown", { ...asked(), item_id: state.gone })
    : state.other ? ask("compare", { ...asked(), other: state.other }) : null;
  return latest("user", () => Promise.all([ask("user", asked()), beside]), ([page, two]) => {
    $("who").textContent = page.user_id;
    document.title = `${page.user_id} · Daybreak inspector`;
    $("standing").textContent = standing(page);
    const last = [...page.seen, ...page.recent.filter((item) => !page.seen.some((one) => one.item_id === item.item_id))];
    $("recent").parentElement.hidden = !last.length;
    $("recent").replaceChildren(...last.map((item, n) => el("li", {},
      el("button", { type: "button", onclick: (event) => openItem(item.item_id, event.currentTarget) },
        cover(item), el("span", {}, name(item), n < page.seen.length ? el("small", {}, "just now") : null)))));
    $("items").replaceChildren(...[...last, ...page.list.items].map((item) =>
      el("option", { value: item.item_id }, name(item))));
    drawLists(page, two);
    if (takeFocus) ($("lists").querySelector(".pick") ?? $("search")).focus();
  });
}

function standing(page) {
  if (!page.list.is_known) return "not in this release: gets what a stranger gets";
  const likes = page.segments.length ? `; says they like ${page.segments.map((x) => x.replace(/^genre:/, "")).join(", ")}` : "";
  return `served from the rung ${page.list.rung}${likes}`;
}

function drawLists(page, two) {
  const held = document.activeElement?.closest?.(".row")?.dataset.item;
  const lists = $("lists");
  lists.classList.toggle("two", Boolean(two));
  if (!two) {
    const changed = state.session.length || state.genres.length;
    lists.replaceChildren(drawList(page.list, changed ? "marks show what genres and session change" : "as answered now", "after", "The list"));
    say(`${page.user_id}: ${plural(page.list.items.length, "item")}, rung ${page.list.rung}`);
  } else if (state.gone) {
    const { before, after } = two.lists;
    lists.replaceChildren(
      note(["What if ", el("b", {}, name(two.item)), " were taken down? Nothing has been done; this would do it: ", el("code", {}, two.command)]),
      drawList(before, "as it is", "before", "Before"), drawList(after, "without it", "after", "After"));
    say(`Preview: ${changes(before, after)}`);
  } else {
    const { before, after } = two;
    lists.replaceChildren(
      note([`${changes(before, after)}.`]),
      drawList(before, before.release, "before", "Other release"), drawList(after, after.release, "after", "Served release"));
    say(`Compared: ${changes(before, after)}`);
  }
  if (state.item) markOpen();
  if (held) [...lists.querySelectorAll(".row")].find((row) => row.dataset.item === held)?.querySelector(".pick").focus();
}

function note(parts) {
  return el("p", { class: "note" }, el("span", {}, ...parts),
    el("button", { type: "button", class: "plain", onclick: () => go({ gone: "", other: "" }) }, "Back to one list"));
}

function changes(before, after) {
  const fresh = after.items.filter((row) => row.other_rank === null).length;
  const gone = before.items.filter((row) => row.other_rank === null).length;
  const moved = after.items.filter((row) => row.other_rank !== null && row.other_rank !== row.rank).length;
  return `${whole(fresh)} new, ${whole(gone)} gone, ${whole(moved)} moved, ${whole(after.items.length - fresh - moved)} in place`;
}

function drawList(list, caption, side, title) {
  const top = Math.max(...list.items.map((row) => row.score), 0);
  const rows = list.items.map((row, n) => drawRow(row, n, top, side));
  const id = `title-${side}`;
  return el("section", { class: "list", "aria-labelledby": id },
    el("h3", { id }, el("b", {}, title), el("span", {}, caption)),
    rows.length ? el("ol", { class: "rows", onkeydown: steer }, ...rows) : el("p", { class: "rows empty" }, "Nothing can be shown."));
}

function drawRow(row, n, top, side) {
  const [mark, kind, spoken] = moved(row, side);
  const pick = el("button", {
    type: "button", class: "pick", tabindex: n ? "-1" : "0", onclick: () => openItem(row.item_id, pick, row),
  },
    el("span", { class: "rank" }, String(row.rank)), cover(row),
    el("span", { class: "what" },
      el("span", { class: "title" }, name(row), row.category ? el("span", { class: "kind" }, row.category) : null),
      el("span", { class: "because" }, row.reason.text)),
    el("span", { class: "numbers" },
      el("span", { class: `mark ${kind}` }, ...(mark ? [el("span", { "aria-hidden": "true" }, mark), el("span", { class: "unseen" }, spoken)] : [])),
      el("span", { class: `badge ${rungClass(row.rung)}` }, row.rung),
      el("span", { class: "score" }, places(row.score), bar(top ? row.score / top : 0))));
  const add = el("button", {
    type: "button", class: "add", tabindex: n ? "-1" : "0", title: "As if just looked at",
    "aria-label": `Add ${name(row)} to what was just looked at`, onclick: () => addSession(row.item_id),
  }, "+");
  const out = row.other_rank === null ? (side === "after" ? "is-new" : "is-gone") : "";
  const node = el("li", { class: `row ${out}`, "data-item": row.item_id }, pick, add);
  node.row = row;
  pick.addEventListener("focus", () => {
    for (const other of node.parentElement.children) for (const button of other.children) button.tabIndex = other === node ? 0 : -1;
  });
  return node;
}

function moved(row, side) {
  if (row.other_rank === null) return side === "after" ? ["new", "new", "new"] : ["gone", "gone", "gone"];
  const up = row.other_rank - row.rank;
  if (side === "before" || !up) return ["", "", ""];
  return up > 0 ? [`↑${up}`, "up", `up ${up}`] : [`↓${-up}`, "down", `down ${-up}`];
}

function steer(event) {
  const row = event.target.closest(".row");
  const rows = [...row.parentElement.children];
  const at = rows.indexOf(row);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  let next = to === undefined ? null : rows[Math.max(0, Math.min(rows.length - 1, to))];
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const lists = [...$("lists").querySelectorAll(".rows")];
    next = lists[lists.indexOf(row.parentElement) + (event.key === "ArrowRight" ? 1 : -1)]?.children[at];
  }
  if (event.key === "+") addSession(row.dataset.item);
  if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const pick = next.querySelector(".pick");
  pick.focus();
  if (!$("panel").hidden && next.row) openItem(next.row.item_id, pick, next.row, true);
}

function addSession(item) {
  if (item && !item.includes(",")) go({ session: [...state.session.filter((x) => x !== item), item].slice(-10) });
}

$("genres").addEventListener("focusout", (event) => {
  if (event.relatedTarget && !$("genres").contains(event.relatedTarget)) $("genres").open = false;
});
addEventListener("pointerdown", (event) => { if (!$("genres").contains(event.target)) $("genres").open = false; });
$("count").addEventListener("change", () => go({ count: $("count").value }));
$("other").addEventListener("change", () => go({ other: $("other").value, gone: "" }));
$("asking").addEventListener("submit", (event) => { event.preventDefault(); takeTyped(); });
$("session-add").addEventListener("click", takeTyped);

function takeTyped() {
  addSession($("session-item").value.trim());
  $("session-item").value = "";
}

// --- an item -------------------------------------------------------------------------------------

function openItem(item, from, row = null, isPassing = false) {
  if (from) picked = from;
  go({ item }, false, row, isPassing);
}

function markOpen() {
  for (const row of $("lists").querySelectorAll(".row")) row.classList.toggle("open", row.dataset.item === state.item);
}

function drawItem(row = null, isPassing = false) {
  markOpen();
  if (!state.item) return closePanel();
  const mine = row ?? [...$("lists").querySelectorAll(".row")].find((one) => one.dataset.item === state.item)?.row ?? null;
  const isPersonal = state.user && mine?.rung === "personal";
  const reason = isPersonal ? ask("why", { user_id: state.user, item_id: state.item }).catch((error) => error) : null;
  return latest("item", () => Promise.all([ask("item", { item_id: state.item }), reason]), ([page, found]) => {
    const item = page.item;
    $("welcome").hidden = true;
    $("panel").replaceChildren(
      el("div", { class: "panel-head" }, cover(item),
        el("div", {}, el("h2", { id: "panel-title" }, name(item)),
          el("p", {}, [item.item_id, item.category].filter(Boolean).join(" · ")),
          item.is_taken_down ? el("p", { class: "flag" }, "Taken down: on no list, in no reason") : null,
          !page.is_available && !item.is_taken_down ? el("p", {}, "Can’t be had on the release’s date: on no list") : null),
        el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => go({ item: "" }) }, "×")),
      mine ? whyPart(mine, found) : null,
      takedownPart(page),
      nearPart(page));
    for (const child of [...$("panel").childNodes]) if (child.nodeType !== 1) child.remove();
    $("panel").hidden = false;
    $("panel").scrollTop = 0;
    if (!isPassing && matchMedia("(max-width: 860px)").matches) $("panel").querySelector(".close").focus();
    say(`${name(item)}${mine ? `: ${mine.reason.text}` : ""}`);
  });
}

const part = (title, ...children) => el("section", { class: "panel-part" }, el("h3", {}, title), ...children);

function whyPart(row, found) {
  const told = [el("p", { class: "quote" }, row.reason.text)];
  if (found instanceof Error) told.push(el("p", { class: "soft" }, found.message));
  const record = found?.record;
  if (!record) {
    if (!(found instanceof Error)) told.push(el("p", { class: "soft" }, NO_RECORD[row.rung] ?? "No why-record is kept."));
    told.push(pairs([["reason", `${row.reason.type}, by ${row.reason.origin}`], ["score", places(row.score)]]));
    return part("Why it is here", ...told);
  }
  const scores = record.source_scores;
  const lines = Object.entries(scores).sort(([a], [b]) => order(record, a) - order(record, b)).map(([source, score]) =>
    el("tr", { class: record.sources.includes(source) ? "" : "off" }, el("th", { scope: "row" }, source.replaceAll("_", " ")),
      el("td", {}, record.sources.includes(source) ? "proposed it" : "scored it"), el("td", {}, places(score))));
  told.push(el("table", { class: "sources" },
    el("caption", {}, "Sources, best place first; each scores on a scale of its own"), el("tbody", {}, ...lines)));
  told.push(pairs([
    ["ranker", record.ranker_score === null ? "did not rank it" : places(record.ranker_score)],
    ["score", places(record.score)],
    ["rank that night", String(record.rank)],
    ["stage", record.stage],
    ["rules", record.rules.length ? record.rules.map((rule) => (RULES[rule] ? `${rule}: ${RULES[rule]}` : rule)).join("; ") : "none moved it"],
    ["reason", `${record.reason_type}, by ${row.reason.origin}`],
    ["explanation", el("code", {}, record.explanation_key)],
  ]));
  if (found.seed || record.seed_item_id) {
    const seed = found.seed ?? { item_id: record.seed_item_id, title: null };
    told.push(el("h3", {}, "The item of theirs that counted most"),
      el("ul", { class: "near" }, nearRow(seed, places(record.seed_contribution))));
  }
  return part("Why it is here", ...told);
}

const NO_RECORD = {
  session: "It came beside what was just looked at, from the precomputed neighbours. No why-record belongs to it.",
  segment: "It came from a segment’s list, the same for everyone. No why-record belongs to it.",
  trending: "It came from what is trending, the same for everyone. No why-record belongs to it.",
  personal: "This release keeps no why-record of it.",
};

function order(record, source) {
  const at = record.sources.indexOf(source);
  return at < 0 ? 99 : at;
}

function pairs(rows) {
  return el("dl", { class: "record" }, ...rows.flatMap(([term, what]) => [el("dt", {}, term), el("dd", {}, what)]));
}

function takedownPart(page) {
  const copy = el("button", {
    type: "button", class: "plain", "aria-label": "Copy the command",
    onclick: () => navigator.clipboard?.writeText(page.command).then(() => { copy.textContent = "Copied"; say("Copied"); }),
  }, "Copy");
  const preview = state.user && !page.item.is_taken_down && el("button", {
    type: "button", class: "plain", onclick: () => go({ gone: page.item.item_id, other: "", item: "" }),
  }, "Preview for this user");
  const session = state.user && el("button", {
    type: "button", class: "plain", onclick: () => addSession(page.item.item_id),
  }, "As if just looked at");
  return part("What if?", el("div", { class: "actions" }, ...[session, preview].filter(Boolean)),
    el("p", { class: "soft" }, page.item.is_taken_down ? "This shows it again, within two seconds:" : "This takes it off every list, for everyone, within two seconds:"),
    el("div", { class: "command" }, el("code", {}, page.command), copy));
}

function nearPart(page) {
  const rows = page.neighbours.slice(0, 12).map((one) => nearRow(one, places(one.score)));
  return part("Most like it", rows.length ? el("ol", { class: "near" }, ...rows) : el("p", { class: "soft" }, "No neighbours are known."));
}

function nearRow(item, number) {
  return el("li", {}, el("button", { type: "button", onclick: () => go({ item: item.item_id }) },
    cover(item), el("span", { class: "title" }, name(item)), el("span", { class: "number soft" }, number)));
}

function closePanel() {
  turns.item = (turns.item ?? 0) + 1;
  const hadFocus = $("panel").contains(document.activeElement) || document.activeElement === document.body;
  $("panel").hidden = true;
  $("welcome").hidden = Boolean(state.user);
  const row = picked?.isConnected ? picked : $("lists").querySelector(".pick[tabindex='0']");
  if (hadFocus) (row ?? $("search")).focus();
}

// --- where one is --------------------------------------------------------------------------------

/** Changes the state and the address, and draws what depends on it. */
function go(change, takeFocus = false, row = null, isPassing = false) {
  const before = { ...state };
  Object.assign(state, change);
  if (change.user !== undefined && change.user !== before.user) Object.assign(state, { session: [], gone: "" });
  const fields = Object.entries(state).filter(([key, value]) => String(value) && !(key === "count" && value === "10"));
  const place = `#${new URLSearchParams(fields.map(([key, value]) => [key, String(value)]))}`;
  if (place !== location.hash) history[isPassing ? "replaceState" : "pushState"](null, "", place);
  draw(before, takeFocus, row, isPassing);
}

function draw(before, takeFocus, row = null, isPassing = false) {
  const isSame = (key) => String(before[key]) === String(state[key]);
  if (!isSame("user") || !["count", "genres", "session", "other", "gone"].every(isSame)) {
    $("other").value = state.other;
    if (state.user) {
      const done = drawUser(takeFocus && !isSame("user"));
      if (state.item) done.then(() => drawItem(row, isPassing));
    }
  }
  if (!state.user) {
    $("user").hidden = true;
    $("welcome").hidden = Boolean(state.item);
  }
  if (!isSame("item")) drawItem(row, isPassing);
}

function read() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const list = (key) => (fields.get(key) ?? "").split(",").filter(Boolean);
  return {
    user: fields.get("user") ?? "", count: fields.get("count") ?? "10", genres: list("genres"), session: list("session"),
    other: fields.get("other") ?? "", gone: fields.get("gone") ?? "", item: fields.get("item") ?? "",
  };
}

addEventListener("popstate", () => {
  const before = { ...state };
  Object.assign(state, read());
  draw(before, false);
});

addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    $("search").focus();
    $("search").select();
  } else if (event.key === "Escape") {
    if ($("genres").open) {
      $("genres").open = false;
      $("genres").querySelector("summary").focus();
    } else if (state.item) go({ item: "" });
    else if (state.gone || state.other) go({ gone: "", other: "" });
  }
});

async function start() {
  await latest("head", () => ask("release"), drawHead);
  if (!served) return;
  Object.assign(state, read());
  draw({}, false);
  await latest("first", () => ask("search", { prefix: "" }), (found) => {
    $("first").replaceChildren(...found.users.slice(0, 12).map((user) => el("li", {},
      el("button", { type: "button", onclick: () => go({ user: user.user_id }, true) },
        el("span", {}, user.user_id), el("span", { class: "soft number" }, plural(user.n_rows, "row"))))));
  });
}

setInterval(() => { if (served && !document.hidden && $("gate").hidden) latest("head", () => ask("release"), drawHead); }, 30_000);
$("search").focus();
start();
