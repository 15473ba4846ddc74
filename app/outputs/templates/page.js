"use strict";

/* The page of the overview: it reads the two data blocks, shows the tab that the address names, and writes what is
   chosen back into the address, so that a view can be sent to somebody. Data becomes text nodes and nothing else. */
(() => {
  const SPARE_ROWS = 12; // drawn above and below what is seen
  const CELL_LENGTH = 300; // characters of a cell that are drawn; the dataset shows all
  const LEADS = ["Investigation Title", "Why", "Message", "Evidence"]; // what a narrow page shows of a row, below
  const OLD_HOURS = 26; // a page or a reading that is older is marked
  const SELDOM = ["Discovery Location", "IDF", "SDRF", "Secondary Accessions", "Eligibility Checked", "GeneQuantSoft",
    "GQSVersion", "MappingSoft", "MappingSoftVersion", "E!Version", "TransQuantSoft", "TQSVersion", "Run"];
  /* columns that are shown when asked for: the dataset itself shows them as well */

  const find = (selector, within = document) => within.querySelector(selector);
  const root = document.documentElement, main = find("main"), dialog = find("dialog");

  // ---------------------------------------------------------------- data

  const page = JSON.parse(find("#overview").textContent);
  const strings = page.strings, ofTables = strings.length; // cells and details hold places in it
  const rank = new Map(page.states.map((name, at) => [name, at]));
  const meaning = new Map(page.problems.map(([code, severity]) => [code, { severity }]));
  const tabs = page.tables.map((table) => ({ ...table, slug: table.name.split(" ")[0].toLowerCase() }));
  const summary = tabs[0], tables = tabs.slice(1);
  let details = null;

  /** What is known of a dataset; read when the first is asked for. */
  function detail(dataset) {
    if (!details) {
      const read = JSON.parse(find("#details").textContent);
      for (const text of read.strings) strings.push(text);
      details = new Map(read.datasets.map((row) => [strings[row[0]], row]));
    }
    return details.get(dataset);
  }

  /** The cell as text (numbers and times as they are written). */
  function cell(table, column, row) {
    const value = table.cells[column][row];
    return value === null ? "" : table.kinds[column] === "number" ? String(value) : about(value, key(table, row));
  }

  /** The dataset that a row is about, if something is known of it. */
  const key = (table, row) => (table.keys[row] >= 0 ? strings[table.keys[row]] : "");
  /** A text about a dataset: \x01 in it stands for the accession. */
  const about = (at, dataset) => (strings[at].includes("\x01") ? strings[at].replaceAll("\x01", dataset) : strings[at]);
  const spoken = (code) => code.replaceAll("_", " ");
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const plain = (text) => (/[^\0-\x7f]/.test(text) ? text.normalize("NFKD").replace(/\p{Mn}/gu, "") : text).toLowerCase();

  // ---------------------------------------------------------------- elements

  /** An element. Children that are strings become text; `--x` sets a property of its style, `onx` listens. */
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) made.style.setProperty(name, value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /** The colour of a state: from amber to indigo in the order of the lifecycle, ever darker, so that it is told
      apart without seeing hues. What is no state (new, gone) is grey. */
  function colour(state) {
    if (!rank.has(state)) return "light-dark(#8b939d, #6d7681)";
    const far = rank.get(state) / Math.max(1, rank.size - 1), hue = 80 + 205 * far;
    const shade = (from, to) => `oklch(${(from + (to - from) * far).toFixed(3)} 0.125 ${hue.toFixed(0)})`;
    return `light-dark(${shade(0.72, 0.36)}, ${shade(0.88, 0.6)})`;
  }

  function stateOf(name, upTo) {
    const at = rank.has(name) ? rank.get(name) + 1 : 0, to = rank.has(upTo) ? rank.get(upTo) + 1 : at;
    const percent = (steps) => String((100 * steps) / Math.max(1, rank.size));
    const gauge = { class: "gauge", "aria-hidden": "true", "--colour": colour(name) };
    gauge["--at"] = percent(at);
    gauge["--up-to"] = percent(to);
    gauge["--of"] = String(Math.max(1, rank.size));
    return el("span", { class: "state" }, el("span", gauge), name, upTo ? ` (up to ${upTo})` : "");
  }

  const severity = (level, words = level) => el("span", { class: `severity ${level}` }, words);
  /** What was done about a row or a dataset that is greyed. */
  const badge = (why) => el("span", { class: "badge muted" }, why.slice(0, why.indexOf(":")));
  const stale = (words) => el("span", { class: "badge stale" }, words);
  const path = (text) => el("span", { class: "path" }, text);

  /** A link, to the web only: an address of any other kind is shown and leads nowhere. */
  function link(address, words, more) {
    let safe = false;
    try {
      safe = ["http:", "https:"].includes(new URL(address).protocol);
    } catch { /* not an address */ }
    return safe ? el("a", { href: address, target: "_blank", rel: "noopener noreferrer", ...more }, words) : address;
  }

  const host = (address) => address.replace(/^https?:\/\//, "").split("/")[0];

  // ---------------------------------------------------------------- times

  const UNITS = [["y", 31536000], ["mo", 2592000], ["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const seconds = (from, to) => Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1000));

  /** How long, in two units: `3 d 4 h`. */
  function lasted(from, to) {
    let left = seconds(from, to);
    const parts = [];
    for (const [name, size] of UNITS.slice(2)) {
      if (left >= size || (name === "s" && !parts.length)) parts.push(`${Math.floor(left / size)} ${name}`);
      left %= size;
    }
    return parts.slice(0, 2).join(" ");
  }

  /** How long ago, in the largest unit of which it is two or more. */
  function ago(iso) {
    const age = seconds(iso, new Date().toISOString()), [name, size] = UNITS.find(([, each]) => age >= 2 * each) || ["s", 1];
    return age < 60 ? "just now" : `${Math.floor(age / size)} ${name} ago`;
  }

  const minute = (iso) => iso.slice(0, 16).replace("T", " ");
  const exact = (iso) => `${iso.slice(0, 19).replace("T", " ")} (${iso.slice(19)}, ${page.zone})`;

  /** A time in the site's zone, its age beside it, and to the second when pointed at. */
  function time(iso, shown = minute(iso), age = `(${ago(iso)})`) {
    return el("time", { datetime: iso, title: exact(iso) }, shown, " ", el("span", { class: "age" }, age));
  }

  const isOld = (iso, than) => seconds(iso, than) > OLD_HOURS * 3600;

  // ---------------------------------------------------------------- the address, and what is chosen

  const view = read();
  const left = {}; // tab -> the address it was left with
  let writing = 0;

  /** What the address says: tab, q (the search), sort (a column, - before it: downwards), dataset, and filters. */
  function read() {
    const said = new URLSearchParams(location.hash.slice(1)), filters = {};
    const table = tabs.find((each) => each.slug === said.get("tab")) || summary;
    for (const { name } of table.facets) if (said.has(name)) filters[name] = said.getAll(name);
    return { tab: table.slug, q: said.get("q") || "", sort: said.get("sort") || "", dataset: said.get("dataset") || "", filters };
  }

  function address({ tab, q, sort, dataset, filters = {} }) {
    const said = new URLSearchParams({ tab });
    for (const [name, values] of Object.entries(filters)) for (const value of values) said.append(name, value);
    for (const [name, value] of Object.entries({ q, sort, dataset })) if (value) said.set(name, value);
    return `#${said}`;
  }

  /** Changes what is chosen. Browsers refuse an address that changes with every key, so it follows a little later. */
  function choose(change) {
    const write = () => history.replaceState(null, "", address(view));
    Object.assign(view, change);
    clearTimeout(writing);
    if ("q" in change) writing = setTimeout(write, 250);
    else write();
    show();
  }

  addEventListener("hashchange", () => {
    clearTimeout(writing);
    Object.assign(view, read());
    show();
  });

  // ---------------------------------------------------------------- the frame

  let shown = null; // the tab that is on the page; `grid` is its table, if it has one
  let grid = null;

  function show() {
    if (shown !== view.tab) {
      shown = view.tab;
      grid = null;
      const table = tables.find((each) => each.slug === shown);
      document.body.dataset.view = table ? "table" : "summary";
      main.replaceChildren();
      if (table) grid = makeGrid(table);
      else main.append(makeSummary());
    }
    if (grid) grid.update();
    left[view.tab] = address({ ...view, dataset: "" });
    find("nav").replaceChildren(...tabs.map(tabLink));
    find("nav [aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
    showDataset();
  }

  function tabLink(table) {
    const count = table === summary ? "" : el("span", { class: "count" }, table.size.toLocaleString("en"));
    const href = left[table.slug] || address({ tab: table.slug });
    return el("a", { href, "aria-current": table.slug === view.tab ? "page" : null }, table.name, " ", count);
  }

  function makeFrame() {
    const asOf = find("#as-of");
    if (!page.asOf) asOf.append("Nothing has been crawled yet.");
    else asOf.append("As of ", time(page.asOf, `${minute(page.asOf)} ${page.zone}`));
    if (page.asOf && isOld(page.asOf, new Date().toISOString())) find(".age", asOf).classList.add("old");
    const theme = find("#theme"), dark = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.title = `Show this page ${isDark() ? "light" : "dark"}`; };
    const kept = remembered("theme");
    if (["light", "dark"].includes(kept)) root.dataset.theme = kept;
    theme.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember("theme", root.dataset.theme);
      label();
    });
    dark.addEventListener("change", label);
    label();
    find(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      (grid ? grid.region : main).focus();
    });
  }

  /** Choices of this browser, where it keeps any. */
  function remembered(name) {
    try { return localStorage.getItem(`ingest-tracker.${name}`); } catch { return null; }
  }

  function remember(name, value) {
    try { localStorage.setItem(`ingest-tracker.${name}`, value); } catch { /* then it holds until the page is closed */ }
  }

  const say = (words) => { find("#said").textContent = words; };

  // ---------------------------------------------------------------- summary

  /** The rows of one section of the Summary, by column title. */
  function section(name) {
    const rows = [];
    for (let row = 0; row < summary.size; row++) {
      if (cell(summary, 0, row) !== name) continue;
      rows.push(Object.fromEntries(summary.columns.map((title, column) => [title, cell(summary, column, row)])));
    }
    return rows;
  }

  function makeSummary() {
    const states = section("State"), sources = section("Source"), problems = section("Problem");
    const total = states.find((state) => state.Name === "all") || { Now: 0 };
    const moved = page.moves.reduce((sum, [, , count]) => sum + count, 0);
    const unread = sources.filter((source) => staleness(source));
    const levels = new Map();
    for (const { Name, Now } of problems) {
      const level = (meaning.get(Name) || { severity: "info" }).severity;
      levels.set(level, (levels.get(level) || 0) + Number(Now));
    }
    const figures = [
      ["datasets", Number(total.Now).toLocaleString("en")],
      [moved === 1 ? "change since yesterday" : "changes since yesterday", moved.toLocaleString("en")],
      [`of ${counted(sources.length, "source")} read`, (sources.length - unread.length).toLocaleString("en")],
      ...["error", "warning"].map((level) => [counted(levels.get(level) || 0, level).split(" ")[1], (levels.get(level) || 0).toLocaleString("en")]),
    ];
    return el("div", { class: "summary" },
      el("div", { class: "figures" }, figures.map(([words, count]) => el("p", null, el("b", null, count), words))),
      makeStates(states), makeStuck(), makeMoves(), makeKinds(problems), makeSources(sources), makeLeftOut());
  }

  const card = (name, title, ...content) =>
    el("section", { class: `card ${name}`, "aria-labelledby": `${name}-title` }, el("h2", { id: `${name}-title` }, title), ...content);

  const head = (...titles) =>
    el("thead", null, el("tr", null, titles.map(([words, name]) => (words ? el("th", { scope: "col", class: name }, words) : el("td")))));

  /** Which tab the datasets of a state are in. */
  const tabOf = (state) => (rank.get(state) > rank.get("external") ? "track" : "discover");

  function makeStates(states) {
    const before = summary.columns.filter((title) => title.endsWith("Ago"));
    const days = page.overTime.days, last = days.length - 1;
    const body = el("tbody");
    const title = el("span", null, "Over time");
    for (const state of states) {
      const all = state.Name === "all";
      const counts = all ? null : page.overTime.counts[state.Name] || days.map(() => 0);
      const name = all ? "all" : el("a", { href: address({ tab: tabOf(state.Name), filters: { state: [state.Name] } }) }, stateOf(state.Name));
      const range = el("td", { class: "range" });
      body.append(el("tr", { class: all ? "total" : null, "--colour": colour(state.Name) },
        el("th", { scope: "row" }, name),
        el("td", { class: "number now" }, Number(state.Now).toLocaleString("en")),
        before.map((when) => el("td", { class: "number before muted" }, difference(state[when], state.Now))),
        el("td", { class: "chart" }, counts && days.length > 1 ? chart(counts, state.Name) : null), range));
      if (counts && days.length > 1) range.append(extent(counts));
    }
    const day = (iso) => (days[0].slice(0, 10) === days[last].slice(0, 10) ? minute(iso) : iso.slice(0, 10));
    const heading = days.length > 1
      ? el("span", { class: "axis" }, el("span", null, day(days[0])), title, el("span", null, day(days[last]))) : "";
    const table = el("table", null,
      head(["State"], ["Now", "number"], ...before.map((when) => [`in ${when.toLowerCase().replace(" ago", "")}`, "number before"]), [heading, "chart"], ["", "range"]),
      body);
    if (days.length > 1) pointing(body, states, title);
    return card("states", "Datasets by state", el("div", { class: "scroll" }, table));
  }

  function difference(then, now) {
    if (then === "") return el("span", { title: "not tracked then" }, "-");
    const more = Number(now) - Number(then);
    const words = more > 0 ? `+${more.toLocaleString("en")}` : more < 0 ? `\u2212${(-more).toLocaleString("en")}` : "\u00b10";
    return el("span", { title: `${Number(then).toLocaleString("en")} then` }, words);
  }

  function extent(counts) {
    const [low, high] = [Math.min(...counts), Math.max(...counts)].map((count) => count.toLocaleString("en"));
    return low === high ? low : `${low} to ${high}`;
  }

  /** Steps: a count holds until the next one. Each chart has its own height, from its least to its most; but a small
      change is not drawn as if it were a large one. */
  function chart(counts, name) {
    const low = Math.min(...counts), high = Math.max(...counts), last = counts.length - 1;
    const height = Math.max(high - low, high / 5, 4), floor = Math.max(0, (high + low - height) / 2);
    const y = (count) => (31 - (28 * (count - floor)) / height).toFixed(1);
    let line = `M0 ${y(counts[0])}`;
    counts.forEach((count, at) => { if (at) line += `H${((300 * at) / last).toFixed(1)}V${y(count)}`; });
    const words = `${name} over time: from ${counts[0]} to ${counts[last]}, least ${low}, most ${high}`;
    return svg("svg", { viewBox: "0 0 300 34", preserveAspectRatio: "none", role: "img", "aria-label": words },
      svg("path", { class: "area", d: `${line}V34H0Z` }), svg("path", { d: line }), svg("line", { y1: 0, y2: 34 }));
  }

  /** Pointing at one chart tells the counts of that day in all. */
  function pointing(body, states, title) {
    const days = page.overTime.days;
    body.addEventListener("pointermove", (event) => {
      const drawn = find("svg", body).getBoundingClientRect();
      const at = Math.round(((event.clientX - drawn.left) / drawn.width) * (days.length - 1));
      if (at < 0 || at >= days.length) return rest();
      body.classList.add("pointed");
      title.textContent = `On ${minute(days[at])}`;
      [...body.rows].forEach((row, index) => {
        const counts = page.overTime.counts[states[index].Name];
        if (!counts) return;
        const x = (300 * at) / (days.length - 1), line = find("line", row);
        line.setAttribute("x1", x);
        line.setAttribute("x2", x);
        find(".range", row).replaceChildren(counts[at].toLocaleString("en"));
      });
    });
    const rest = () => {
      body.classList.remove("pointed");
      title.textContent = "Over time";
      [...body.rows].forEach((row, index) => {
        const counts = page.overTime.counts[states[index].Name];
        if (counts) find(".range", row).replaceChildren(extent(counts));
      });
    };
    body.addEventListener("pointerleave", rest);
  }

  function makeMoves() {
    const rows = page.moves.map(([from, to, count]) => el("tr", null,
      el("th", { scope: "row" }, stateOf(from)), el("td", { class: "arrow", "aria-label": "to" }, "\u2192"), el("td", null, stateOf(to)),
      el("td", { class: "number" }, el("a", { href: address({ tab: "changes", filters: { from: [from], to: [to] } }), "aria-label": counted(count, "dataset") }, count.toLocaleString("en")))));
    const table = el("table", null, head(["From"], ["", "arrow"], ["To"], ["Datasets", "number"]), el("tbody", null, rows));
    return card("moves", "Since yesterday", rows.length ? el("div", { class: "scroll" }, table) : el("p", { class: "muted" }, "No dataset changed its state."));
  }

  /** How many stay longer than is usual; nothing where it is not known what is. */
  function makeStuck() {
    const rows = section("Stuck").map(({ Name, Now, Note }) => el("tr", null,
      el("th", { scope: "row" }, el("a", { href: address({ tab: tabOf(Name), sort: "Since", filters: { state: [Name] } }) }, stateOf(Name))),
      el("td", { class: "number" }, Number(Now).toLocaleString("en")), el("td", { class: "what muted" }, Note)));
    const table = el("table", null, head(["State"], ["Stuck", "number"], ["What that means", "what"]), el("tbody", null, rows));
    return rows.length ? card("stuck", "Stuck", el("div", { class: "scroll" }, table)) : null;
  }

  function makeKinds(problems) {
    const rows = problems.map(({ Name, Now, Note }) => {
      const kind = meaning.get(Name) || { severity: "info" };
      return el("tr", null, el("td", null, severity(kind.severity)),
        el("th", { scope: "row" }, el("a", { href: address({ tab: "problems", filters: { problem: [Name] } }) }, spoken(Name))),
        el("td", { class: "what muted" }, Note.slice(Note.indexOf(": ") + 2)), el("td", { class: "number" }, Number(Now).toLocaleString("en")));
    });
    const table = el("table", null, head(["Severity"], ["Problem"], ["What it is", "what"], ["Found", "number"]), el("tbody", null, rows));
    return card("kinds", "Problems by kind", rows.length ? el("div", { class: "scroll" }, table) : el("p", { class: "muted" }, "There are none."));
  }

  /** Why what a source shows may not be so any more; "" if it was read with the rest. */
  function staleness(source) {
    if (source.Note) return "Stale";
    if (!source["Last Read"]) return "Never read";
    return isOld(source["Last Read"], page.asOf) ? "Old" : "";
  }

  function makeSources(sources) {
    const rows = sources.map((source) => el("tr", null,
      el("th", { scope: "row" }, source.Name), el("td", { class: "number" }, Number(source.Now).toLocaleString("en")),
      el("td", null, source["Last Read"] ? time(source["Last Read"]) : el("span", { class: "muted" }, "never")),
      el("td", null, staleness(source) ? stale(staleness(source)) : "read"), el("td", null, source.Note)));
    const table = el("table", null,
      head(["Source"], ["Datasets", "number"], ["Last read"], ["Result"], ["Why"]), el("tbody", null, rows));
    return card("sources", "Sources", el("div", { class: "scroll" }, table));
  }

  function makeLeftOut() {
    const rows = section("Left Out");
    if (!rows.length) return null;
    const words = rows.map((row) => `${Number(row.Now).toLocaleString("en")} ${row.Name}: ${row.Note}.`);
    return el("p", { class: "muted sources" }, words.join(" "));
  }

  // ---------------------------------------------------------------- a table of any number of rows

  /* Only the rows that are seen are in the document; the others are empty space above and below. Every row is as high
     as the next, so that the height of the space is known. On paper all rows are there. */
  function makeGrid(table) {
    const all = Array.from({ length: table.size }, (_, row) => row);
    const texts = new Set([...table.cells.keys()].filter((column) => table.kinds[column] !== "number"));
    const accession = table.kinds.indexOf("accession"), status = table.kinds.indexOf("state");
    const wrong = table.slug === "problems" ? null : table.facets.find((facet) => facet.name === "problem"), old = new Set(table.stale);
    const greyed = new Map(table.muted.map(([row, why]) => [row, strings[why]])); // row -> what was done: why
    const corner = [table.columns.indexOf("To"), status, table.kinds.indexOf("severity")].find((column) => column >= 0);
    const marked = corner ?? table.columns.indexOf("Group"); // where a greyed row says in a word what was done
    const made = { order: all, active: 0 };
    const drawn = new Map(); // place in the order -> its row on the page
    let rowHeight = 0, ranks = {}, asked = "", prefix = "";

    // what is above the rows

    const search = el("input", { type: "search", placeholder: "Search all columns ( / )", "aria-label": `Search ${table.name}`,
      autocomplete: "off", spellcheck: "false", oninput: () => choose({ q: search.value }) });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && search.value) choose({ q: "" });
      else if (event.key === "ArrowDown" || event.key === "Enter") move(0);
      else return;
      event.preventDefault();
    });
    const facets = table.facets.map((facet) => {
      const counts = new Map();
      for (const value of facet.values) for (const at of [value].flat()) counts.set(strings[at], (counts.get(strings[at]) || 0) + 1);
      if (counts.size < 2) return null; // nothing to choose from
      const names = [...counts.keys()].sort((a, b) => (rank.get(a) ?? 99) - (rank.get(b) ?? 99) || a.localeCompare(b, "en", { numeric: true }));
      const select = el("select", { "aria-label": `Filter by ${facet.label.toLowerCase()}`, onchange: () => {
        const chosen = new Set(view.filters[facet.name]).add(select.value.slice(1));
        select.selectedIndex = 0;
        choose({ filters: { ...view.filters, [facet.name]: [...chosen] } });
      } }, el("option", { value: "" }, facet.label), names.map((name) =>
        el("option", { value: `=${name}` }, `${called(facet, name)} (${counts.get(name).toLocaleString("en")})`)));
      return select;
    });
    const columns = el("div"), chips = el("div", { class: "chips", role: "group", "aria-label": "Filters that are on" });
    const sorting = el("select", { class: "sorting", "aria-label": "Sort by", onchange: () => choose({ sort: sorting.value }) },
      el("option", { value: "" }, "Sort"), table.columns.flatMap((title) => [["", "up"], ["-", "down"]].map(([sign, way]) =>
        el("option", { value: sign + title }, `${title}, ${way}`))));
    const total = el("p", { class: "shown" });
    const menu = el("details", { class: "menu" }, el("summary", null, "Columns"), columns);
    const tools = el("div", { class: "tools", role: "search" }, search, facets, sorting, total, menu);

    // which columns, and how wide

    const used = (column) => !table.size || table.cells[column].some((value) => value !== null && strings[value] !== "");
    const kept = JSON.parse(remembered(`columns.${table.slug}`) || "{}");
    const isShown = table.columns.map((title, column) => kept[title] ?? (column === accession || (used(column) && !SELDOM.includes(title))));
    const widths = table.columns.map((title, column) => {
      const lengths = [];
      for (let row = 0; row < table.size; row += Math.ceil(table.size / 400)) lengths.push(cellWidth(column, row));
      lengths.sort((a, b) => a - b);
      const most = lengths.at(column === accession ? -1 : Math.floor(lengths.length * 0.95)) || 0;
      return Math.min(Math.max(0.88 * most, title.length), 50) + (column ? 4 : 5.5);
    });
    columns.append(...table.columns.map((title, column) => el("label", null, el("input", { type: "checkbox", checked: isShown[column],
      disabled: column === accession, onchange: (event) => {
        isShown[column] = event.target.checked;
        remember(`columns.${table.slug}`, JSON.stringify({ ...kept, ...Object.fromEntries(table.columns.map((each, at) => [each, isShown[at]])) }));
        dress();
      } }), ` ${title}`)));

    function cellWidth(column, row) {
      switch (table.kinds[column]) {
        case "time": return 20;
        case "state": return cell(table, column, row).length + (column === status ? (old.size && 8) + (greyed.size && 12) : 0) + 5;
        case "link": return host(cell(table, column, row)).length;
        case "accession": return cell(table, column, row).length + 4;
        case "severity": return 9 + (greyed.size && 20);
        default: return cell(table, column, row).length + (greyed.has(row) && column === marked ? 16 : 0);
      }
    }

    // the rows

    const body = el("tbody", { role: "rowgroup" });
    const above = el("td", { colspan: "99" }), below = el("td", { colspan: "99" });
    const space = (inside) => el("tr", { class: "space", "aria-hidden": "true" }, inside);
    const rows = el("table", { role: "table", "aria-label": table.name });
    const nothing = el("p", { class: "nothing", hidden: true }, table.size ? "Nothing here is like that." : "There is nothing here.",
      table.size ? el("button", { type: "button", onclick: clear }, "Remove all filters") : null);
    const region = el("div", { class: "rows", tabindex: "0", role: "region", "aria-label": `${table.name}, rows` }, rows, nothing);
    main.append(tools, chips, region);

    /** Head and columns anew: when one is shown or hidden. */
    function dress() {
      const columnsShown = table.columns.map((_, column) => column).filter((column) => isShown[column]);
      const heads = columnsShown.map((column, at) => el("th", { role: "columnheader", scope: "col", "aria-colindex": String(at + 1), class: `of-${table.kinds[column]}`, "data-column": String(column) },
        el("button", { type: "button", title: table.columns[column], onclick: () => sortBy(column) }, table.columns[column])));
      const cols = columnsShown.map((column) => { const col = el("col"); col.style.width = `${widths[column]}ch`; return col; });
      rows.replaceChildren(el("colgroup", null, cols), el("thead", { role: "rowgroup" }, el("tr", { role: "row", "aria-rowindex": "1" }, heads)), body);
      const wide = columnsShown.reduce((sum, column) => sum + widths[column], 0);
      rows.style.width = `max(100%, ${wide}ch)`; // of a size that rows do not change: they come and go
      rows.setAttribute("aria-colcount", String(columnsShown.length));
      asked = "";
      update();
    }

    function sortBy(column) {
      const title = table.columns[column], downFirst = ["time", "number"].includes(table.kinds[column]);
      const [first, second] = downFirst ? [`-${title}`, title] : [title, `-${title}`];
      choose({ sort: view.sort === first ? second : first });
    }

    function clear() {
      choose({ q: "", filters: {} });
      search.focus();
    }

    /** Brings the rows in line with what is chosen. */
    function update() {
      const wanted = JSON.stringify([view.q, view.filters, view.sort]);
      if (asked === wanted) return;
      asked = wanted;
      made.order = sorted(all.filter(matching()));
      made.active = 0;
      prefix = `${address({ ...view, dataset: "" })}&dataset=`;
      if (search.value !== view.q) search.value = view.q;
      sorting.value = view.sort;
      for (const th of rows.tHead.rows[0].cells) {
        const title = table.columns[th.dataset.column];
        if (view.sort === title) th.setAttribute("aria-sort", "ascending");
        else if (view.sort === `-${title}`) th.setAttribute("aria-sort", "descending");
        else th.removeAttribute("aria-sort");
      }
      showChips();
      const found = made.order.length.toLocaleString("en"), of = counted(table.size, "row");
      total.textContent = made.order.length === table.size ? of : `${found} of ${of}`;
      say(total.textContent);
      nothing.hidden = made.order.length > 0;
      rows.setAttribute("aria-rowcount", String(made.order.length + 1));
      region.scrollTop = 0;
      redraw();
    }

    function showChips() {
      const chip = (facet, value) => el("button", { type: "button", "aria-label": `Remove filter ${facet.label}: ${called(facet, value)}`, onclick: () => {
        const rest = view.filters[facet.name].filter((each) => each !== value);
        const { [facet.name]: _, ...others } = view.filters;
        choose({ filters: rest.length ? { ...others, [facet.name]: rest } : others });
        (find("button", chips) || search).focus();
      } }, `${facet.label}: ${called(facet, value)}`, el("span", { class: "cross", "aria-hidden": "true" }, "\u00d7"));
      const on = table.facets.flatMap((facet) => (view.filters[facet.name] || []).map((value) => chip(facet, value)));
      chips.replaceChildren(...on, ...(on.length > 1 ? [el("button", { type: "button", class: "clear", onclick: clear }, "Remove all")] : []));
    }

    /** Whether a row is wanted: it has every word somewhere, and of every filter one of the values. Each different
        text is looked at once, in however many rows it stands. */
    function matching() {
      const words = plain(view.q).split(/\s+/).filter(Boolean);
      const tests = words.map((word) => {
        const has = folded().map((text) => text.includes(word));
        return (row) => table.cells.some((values, column) => values[row] !== null &&
          (texts.has(column) ? has[values[row]] || (isMarked[values[row]] && plain(cell(table, column, row)).includes(word))
            : String(values[row]).includes(word)));
      });
      for (const facet of table.facets) {
        const chosen = new Set(view.filters[facet.name]);
        if (chosen.size) tests.push((row) => [facet.values[row]].flat().some((at) => chosen.has(strings[at])));
      }
      return (row) => tests.every((test) => test(row));
    }

    function sorted(found) {
      const down = view.sort.startsWith("-"), column = table.columns.indexOf(down ? view.sort.slice(1) : view.sort);
      if (column < 0) return found;
      const order = (ranks[column] ||= ranked(column)), sign = down ? -1 : 1;
      return found.sort((a, b) => {
        const x = order[a], y = order[b];
        if (x === y) return a - b;
        return x === Infinity ? 1 : y === Infinity ? -1 : sign * (x - y); // what is empty comes last, either way
      });
    }

    /** A number for each row by which it is sorted; numbers within words count, E-MTAB-9 comes before E-MTAB-10. */
    function ranked(column) {
      const kind = table.kinds[column], values = table.cells[column];
      if (kind === "number") return values.map((value) => value ?? Infinity);
      if (kind === "time") return values.map((value) => (value === null ? Infinity : Date.parse(strings[value])));
      const state = (text) => (kind === "state" && rank.has(text) ? rank.get(text) : -1);
      const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
      const texts = values.map((_, row) => cell(table, column, row));
      const different = [...new Set(texts)].filter(Boolean).sort((a, b) => state(a) - state(b) || compare(a, b));
      const places = new Map(different.map((text, at) => [text, at]));
      return texts.map((text) => places.get(text) ?? Infinity);
    }

    // drawing

    function redraw() {
      for (const row of drawn.values()) row.remove();
      drawn.clear();
      body.replaceChildren(space(above), space(below));
      paint();
    }

    function paint(everything = false) {
      rowHeight ||= parseFloat(getComputedStyle(root).getPropertyValue("--row"));
      const count = made.order.length, top = Math.floor(region.scrollTop / rowHeight);
      const first = everything ? 0 : Math.max(0, Math.min(top - SPARE_ROWS, count - 1));
      const end = everything ? count : Math.min(count, top + Math.ceil(region.clientHeight / rowHeight) + SPARE_ROWS);
      const focused = body.contains(document.activeElement);
      below.style.height = `${count * rowHeight}px`; // a table that is too short for a moment would be scrolled up
      for (const [at, row] of drawn) if (at < first || at >= end) { row.remove(); drawn.delete(at); }
      let next = body.lastElementChild;
      for (let at = end - 1; at >= first; at--) {
        if (!drawn.has(at)) { drawn.set(at, draw(at)); body.insertBefore(drawn.get(at), next); }
        next = drawn.get(at);
      }
      above.style.height = `${first * rowHeight}px`;
      below.style.height = `${(count - end) * rowHeight}px`;
      if (focused && !body.contains(document.activeElement)) region.focus({ preventScroll: true });
    }

    function draw(at) {
      const row = made.order[at], dataset = key(table, row), isActive = at === made.active;
      const shownColumns = [...rows.tHead.rows[0].cells].map((th) => Number(th.dataset.column));
      const lead = LEADS.map((title) => table.columns.indexOf(title)).find((column) => column >= 0) ?? -1;
      const why = greyed.get(row), classes = [isActive && "active", why && "greyed"].filter(Boolean).join(" ");
      const tr = el("tr", { role: "row", "aria-rowindex": String(at + 2), class: classes || null, title: why, onclick: (event) => {
        if (!event.target.closest("a") && !String(getSelection())) { activate(at); find("a[data-open]", tr)?.click(); }
      } });
      if (accession < 0) tr.tabIndex = isActive ? 0 : -1;
      for (const column of shownColumns) {
        const role = column === lead ? " lead" : column === corner ? " corner" : "";
        tr.append(el("td", { role: "cell", class: `of-${table.kinds[column]}${role}` }, content(column, row, dataset, isActive),
          why && column === marked ? badge(why) : null));
      }
      return tr;
    }

    function content(column, row, dataset, isActive) {
      const text = cell(table, column, row);
      if (text === "" && column !== accession) return null;
      switch (table.kinds[column]) {
        case "accession": return dataset ? [opener(dataset, isActive), mark(row)] : text;
        case "state": return column === status && old.has(row) ? [stateOf(text), stale("Stale")] : stateOf(text);
        case "time": return time(text, text.slice(0, 10), ago(text));
        case "link": return link(text, host(text), { tabindex: "-1", "aria-label": `${dataset} on ${host(text)}` });
        case "code": return spoken(text);
        case "severity": return severity(text);
        case "accessions": return text.split("; ").flatMap((each, at) => [at ? "; " : "", opener(each, isActive)]);
        case "number": return Number(text).toLocaleString("en");
        default: return el("span", { title: text.length > 20 ? text.slice(0, 1000) : null }, text.length > CELL_LENGTH ? `${text.slice(0, CELL_LENGTH)}\u2026` : text);
      }
    }

    /** That there is something to mend, and how severe it is at worst. */
    function mark(row) {
      const codes = wrong ? [wrong.values[row]].flat().map((at) => strings[at]).filter(Boolean) : [];
      const worst = ["error", "warning"].find((level) => codes.some((code) => meaning.get(code)?.severity === level));
      return worst ? el("span", { class: `severity mark ${worst}`, title: codes.map(spoken).join(", "), role: "img", "aria-label": `${worst}: ${codes.map(spoken).join(", ")}` }) : null;
    }

    function opener(dataset, isActive) {
      return el("a", { href: prefix + encodeURIComponent(dataset), "data-open": true, tabindex: isActive ? "0" : "-1" }, dataset);
    }

    // keys

    function activate(at) {
      for (const [place, on] of [[made.active, false], [at, true]]) {
        const row = drawn.get(place);
        if (place !== at && made.active === at) continue;
        row?.classList.toggle("active", on);
        for (const each of row ? [...row.querySelectorAll("a[data-open]"), ...(accession < 0 ? [row] : [])] : []) each.tabIndex = on ? 0 : -1;
      }
      made.active = at;
    }

    /** Makes this row the active one, brings it into sight and gives it the keys, unless they are wanted elsewhere. */
    function move(to, keys = true) {
      if (!made.order.length) return;
      const at = Math.max(0, Math.min(to, made.order.length - 1)), head = rows.tHead.offsetHeight;
      activate(at);
      const top = at * rowHeight;
      if (top < region.scrollTop) region.scrollTop = top;
      else if (top + rowHeight + head > region.scrollTop + region.clientHeight) region.scrollTop = top + rowHeight + head - region.clientHeight;
      paint();
      const row = drawn.get(at);
      if (keys) (find("a[data-open]", row) || row).focus({ preventScroll: true });
    }

    /** Goes to the row of a dataset: that is open, or was and gives the keys back. */
    function goTo(dataset, keys) {
      const at = made.order.findIndex((row) => key(table, row) === dataset);
      if (at >= 0) move(at, keys);
      else if (keys) region.focus({ preventScroll: true });
    }

    region.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("th")) return;
      const pageful = Math.max(1, Math.floor(region.clientHeight / rowHeight) - 2), inRows = body.contains(event.target);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: pageful, PageUp: -pageful }[event.key];
      if (step) move(inRows ? made.active + step : made.active);
      else if (event.key === "Home") move(0);
      else if (event.key === "End") move(made.order.length - 1);
      else if (event.key === "Enter" && !event.target.closest("a")) find("a[data-open]", drawn.get(made.active))?.click();
      else return;
      event.preventDefault();
    });
    body.addEventListener("focusin", (event) => {
      const at = Number(event.target.closest("tr")?.getAttribute("aria-rowindex")) - 2;
      if (at >= 0 && at !== made.active) activate(at);
    });

    let waiting = 0;
    region.addEventListener("scroll", () => { waiting ||= requestAnimationFrame(() => { waiting = 0; paint(); }); }, { passive: true });
    const resize = () => { rowHeight = 0; paint(); };
    dress();
    return Object.assign(made, { table, search, region, update, paint, resize, goTo });
  }

  /** What a value of a filter is called. */
  function called(facet, value) {
    if (value === "") return `no ${facet.label.toLowerCase()}`;
    return facet.codes ? spoken(value) : value;
  }

  let plainStrings = null;
  const folded = () => (plainStrings ||= strings.slice(0, ofTables).map(plain));
  const isMarked = strings.map((text) => text.includes("\x01"));

  // ---------------------------------------------------------------- a dataset

  let openDataset = "";

  function showDataset() {
    if (view.dataset === openDataset) return;
    openDataset = view.dataset;
    if (!openDataset) return dialog.open ? dialog.close() : undefined;
    dialog.replaceChildren(...makeDataset(openDataset));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    find("h2", dialog).focus();
    grid?.goTo(openDataset, false);
  }

  /** However it was closed: the address forgets it, and the keys go back to its row. */
  dialog.addEventListener("close", () => {
        openDataset = "";
    if (view.dataset) choose({ dataset: "" });
    if (grid) grid.goTo(dialog.dataset.of, true);
    else main.focus({ preventScroll: true });
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  /** A part of what is said of a dataset; nothing where there is nothing to say. */
  const part = (title, ...content) => {
    const said = content.flat().filter(Boolean);
    return said.length ? el("section", null, el("h3", null, title), said) : null;
  };

  function copier(text, words, label) {
    const button = el("button", { type: "button", class: "small", "aria-label": label, onclick: async () => {
      const done = await copied(text());
      button.textContent = done ? "Copied" : "Not allowed here";
      say(done ? "Copied" : "Copying is not allowed here");
      setTimeout(() => { button.textContent = words; }, 1500);
    } }, words);
    return button;
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = el("textarea", { class: "unseen" }, text);
      dialog.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  function makeDataset(dataset) {
    dialog.dataset.of = dataset;
    const place = grid ? grid.order.findIndex((row) => key(grid.table, row) === dataset) : -1;
    const step = (words, to) => {
      const other = grid && place >= 0 && grid.order[to] !== undefined ? key(grid.table, grid.order[to]) : "";
      return el("button", { type: "button", class: "small", disabled: !other, onclick: () => choose({ dataset: other }) }, words);
    };
    const top = el("div", { class: "top" }, el("h2", { id: "dataset", tabindex: "-1" }, dataset),
      copier(() => dataset, "Copy", `Copy ${dataset}`), copier(() => location.href.split("#")[0] + address(view), "Copy link", "Copy the address of this view"),
      step("Previous", place - 1), step("Next", place + 1),
      el("button", { type: "button", class: "small", onclick: () => dialog.close() }, "Close"));
    const row = detail(dataset);
    return [top, row ? makeAbout(dataset, row) : el("p", { class: "about" }, "There is nothing about it on this page: it is not tracked, or left out here.")];
  }

  function makeAbout(dataset, row) {
    const told = (value) => (Array.isArray(value) ? value.map(told) : about(value, dataset));
    const [, title, state, upTo, since, reason, sentence, web, source, places, verdicts, production, changes, problems, ignored] = told(row);
    const name = state || "gone", isStale = page.stale.includes(source);
    return el("div", { class: "about" },
      title ? el("p", { class: "lead", tabindex: title.length > 500 ? "0" : null }, title) : null,
      el("section", { class: "why", "--colour": colour(name) },
        el("p", null, stateOf(name, upTo), " since ", time(since), isStale ? [" ", stale("Stale")] : null),
        el("p", null, sentence),
        ignored.length ? el("p", null, `Ignored by ${ignored[0]} on `, time(ignored[1], ignored[1].slice(0, 10)), `: ${ignored[2]}`) : null,
        isStale ? el("p", { class: "muted" }, `${source} could not be read last time: this is what it showed before.`) : null,
        el("p", { class: "muted" }, `Decided by the rule "${spoken(reason)}".`)),
      part("On the web", web ? el("p", null, link(web, web)) : null),
      part("Problems", list("ul", problems.map(makeProblem))),
      part("Where it was seen", list("ul", places.map(makePlace))),
      part("Eligibility", rowsOf(["Check", "Verdict", "Last said"], verdicts.map(([check, said, checked, noMore]) =>
        [check, noMore ? `${said} (it has no answer any more)` : said, checked && time(checked)]))),
      part("Production databases", rowsOf(["Database", "What it says", "Last asked"], production.map(([authority, says, when]) =>
        [authority, says, when && time(when)]))),
      part("History", list("ol", changes.map((_, at) => makeChange(changes, changes.length - 1 - at)))),
      part("All that the table says", makeFields(dataset)));
  }

  const list = (tag, items) => (items.length ? el(tag, null, items) : null);

  const rowsOf = (titles, rows) => (rows.length ? el("table", null, head(...titles.map((title) => [title])), el("tbody", null,
    rows.map(([first, ...others]) => el("tr", null, el("th", { scope: "row" }, first), others.map((other) => el("td", null, other)))))) : null);

  function makeProblem([level, code, message, where, since, acknowledged]) {
    return el("li", null, severity(level, `${level}: ${spoken(code)}`), " ", el("span", { class: "muted" }, "since ", time(since, since.slice(0, 10))),
      el("p", null, message), where ? el("p", null, path(where)) : null,
      acknowledged ? el("p", { class: "muted" }, `Acknowledged: ${acknowledged}`) : null);
  }

  function makePlace([source, stage, folder, modified, more, files]) {
    return el("li", null,
      el("p", null, source, page.stale.includes(source) ? [" ", stale("Stale")] : null, el("span", { class: "muted" }, `, for datasets that are ${stage}`)),
      el("p", null, /^https?:/.test(folder) ? link(folder, folder) : path(folder), " ", copier(() => folder, "Copy", "Copy this place")),
      modified ? el("p", { class: "muted" }, "last modified ", time(modified)) : null,
      more ? el("p", { class: "muted" }, `A file here was read only in part, and may name more ${more}.`) : null,
      list("ul", files.map(([role, name]) => el("li", { class: "file" }, el("span", { class: "muted" }, `${spoken(role)}: `), path(name)))));
  }

  function makeChange(changes, at) {
    const [when, before, after, reason, sentence] = changes[at], newest = at === changes.length - 1;
    const until = newest ? page.asOf : changes[at + 1][0], to = after || "gone";
    return el("li", { class: "line", "--colour": colour(to) },
      el("p", null, el("b", null, before ? `${before} \u2192 ${to}` : `first seen as ${to}`), ` for ${lasted(when, until)}${newest ? " so far" : ""}`),
      el("p", { class: "muted" }, time(when), `, ${spoken(reason)}`),
      newest ? null : el("p", null, sentence));
  }

  /** Every column of the dataset's row, those too that the table does not show. */
  function makeFields(dataset) {
    for (const table of tables.filter((each) => ["discover", "track"].includes(each.slug))) {
      const row = table.keys.findIndex((at) => at >= 0 && strings[at] === dataset);
      if (row < 0) continue;
      const fields = table.columns.map((title, column) => [title, cell(table, column, row), table.kinds[column]]).filter(([, text]) => text !== "");
      return el("dl", null, fields.flatMap(([title, text, kind]) =>
        [el("dt", null, title), el("dd", null, kind === "time" ? time(text) : kind === "link" ? link(text, text) : kind === "number" ? Number(text).toLocaleString("en") : text)]));
    }
    return null;
  }

  // ---------------------------------------------------------------- keys, paper, and off

  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || dialog.open || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    if (!grid) choose({ tab: "track", q: "", sort: "", filters: {} });
    grid.search.focus();
    grid.search.select();
  });
  addEventListener("keydown", (event) => {
    const menu = find(".menu[open]");
    if (event.key === "Escape" && menu) { menu.open = false; find("summary", menu).focus(); }
  });
  addEventListener("click", (event) => {
    const menu = find(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
  addEventListener("resize", () => grid?.resize());
  addEventListener("beforeprint", () => grid?.paint(true));
  addEventListener("afterprint", () => grid?.paint());

  makeFrame();
  show();
  requestAnimationFrame(() => setTimeout(() => performance.mark("usable")));
})();
