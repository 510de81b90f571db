// The log view (components/log_view.html): follow and pause, search, wrap, copy; ANSI colours as
// classes, everything else as text. Lines come from its address (JSON: {"lines": [{"offset", "text"}],
// "next": offset}; with data-poll, again every two seconds with ?after=next), or from a socket:
//   element.dispatchEvent(new CustomEvent("slipway:log-lines", {detail: {lines, reset}}))
(() => {
  "use strict";
  const { words, fill, number } = window.slipway;
  const KEPT = 5000;
  const POLL_MS = 2000;
  const NEAR_END_PX = 24;
  const COLOURS = ["dim", "red", "green", "yellow", "blue", "magenta", "cyan", ""];
  // eslint-disable-next-line no-control-regex
  const ESCAPES = /\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]/g;
  const LEVELS = [
    ["error", /\b(error|fatal|panic|exception|traceback)\b|(^|\s)E\s/i],
    ["warn", /\bwarn(ing)?\b|(^|\s)W\s/i],
  ];
  const HEAD = 96; // a level stands at the start of a line

  const classOf = (codes, before) => {
    let names = before;
    for (const code of codes.split(";").map(Number)) {
      if (code === 0) names = [];
      else if (code === 1) names = [...names, "ansi-bold"];
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
        const colour = COLOURS[code % 10];
        names = names.filter((name) => name === "ansi-bold");
        if (colour) names = [...names, `ansi-${colour}`];
      } else if (code === 39) names = names.filter((name) => name === "ansi-bold");
    }
    return names;
  };

  // A line as pieces of text with their classes; escapes that are not colours vanish.
  const pieces = (text) => {
    const found = [];
    let classes = [];
    let from = 0;
    for (const match of text.matchAll(ESCAPES)) {
      if (match.index > from) found.push([text.slice(from, match.index), classes]);
      if (match[1] !== undefined) classes = classOf(match[1], classes);
      from = match.index + match[0].length;
    }
    if (from < text.length) found.push([text.slice(from), classes]);
    return found;
  };

  class LogView {
    constructor(element) {
      const find = (name) => element.querySelector(`[data-log-${name}]`);
      this.element = element;
      this.box = element.querySelector(".log-lines");
      this.follow = find("follow");
      this.search = find("search");
      this.found = find("found");
      this.count = find("count");
      this.heldNote = find("held");
      this.following = true;
      this.held = [];
      this.next = 0;
      this.listen(find);
      if (element.dataset.url) this.load();
    }

    listen(find) {
      this.follow.addEventListener("click", () => this.setFollowing(!this.following));
      this.search.addEventListener("input", () => this.filterAll());
      find("wrap").addEventListener("click", (event) => {
        const wraps = this.box.classList.toggle("log-wraps");
        event.currentTarget.setAttribute("aria-pressed", String(wraps));
        if (this.following) this.toEnd();
      });
      find("copy").addEventListener("click", (event) =>
        window.slipway.copy(event.currentTarget, this.visibleText()),
      );
      this.box.addEventListener("wheel", (event) => event.deltaY < 0 && this.scrolledUp(), { passive: true });
      this.box.addEventListener("touchmove", () => this.nearEnd() || this.scrolledUp(), { passive: true });
      this.box.addEventListener("keydown", (event) => {
        if (["ArrowUp", "PageUp", "Home"].includes(event.key)) this.scrolledUp();
        if (event.key === "End") this.setFollowing(true);
      });
      this.element.addEventListener("slipway:log-lines", (event) => {
        if (event.detail.reset) this.clear();
        this.add(event.detail.lines);
      });
    }

    async load() {
      if (!this.element.isConnected) return;
      const address = new URL(this.element.dataset.url, location.href);
      if (this.next) address.searchParams.set("after", this.next);
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        if (answer.ok) {
          const { lines, next } = await answer.json();
          this.next = next ?? this.next;
          this.add(lines);
        }
      } catch {
        // The live indicator tells that the server is away; the next try may find it.
      }
      if ("poll" in this.element.dataset) setTimeout(() => this.load(), POLL_MS);
    }

    add(lines) {
      if (!lines.length) return;
      if (!this.following) {
        this.held.push(...lines);
        if (this.held.length > KEPT) this.held.splice(0, this.held.length - KEPT);
        this.heldNote.textContent = fill(words.log.held, { n: number(this.held.length) });
        return;
      }
      const fresh = document.createDocumentFragment();
      for (const line of lines.slice(-KEPT)) fresh.append(this.row(line));
      this.box.append(fresh);
      while (this.box.childElementCount > KEPT) this.box.firstElementChild.remove();
      this.tellCount();
      this.toEnd();
    }

    row(line) {
      const row = document.createElement("div");
      row.className = "log-line";
      const parts = pieces(line.text);
      row.plain = parts.map(([text]) => text).join("");
      row.parts = parts;
      const head = row.plain.slice(0, HEAD);
      const level = LEVELS.find(([, pattern]) => pattern.test(head));
      if (level) row.dataset.level = level[0];
      this.filter(row);
      return row;
    }

    write(row, query) {
      row.replaceChildren(
        ...row.parts.map(([text, classes]) => {
          const span = document.createElement("span");
          if (classes.length) span.className = classes.join(" ");
          if (!query) span.textContent = text;
          else this.highlight(span, text, query);
          return span;
        }),
      );
      if (!row.plain) row.textContent = " ";
    }

    highlight(span, text, query) {
      const low = text.toLowerCase();
      let from = 0;
      for (let at = low.indexOf(query); at >= 0; at = low.indexOf(query, from)) {
        const mark = document.createElement("mark");
        mark.textContent = text.slice(at, at + query.length);
        span.append(text.slice(from, at), mark);
        from = at + query.length;
      }
      span.append(text.slice(from));
    }

    filter(row) {
      const query = this.search.value.trim().toLowerCase();
      row.hidden = Boolean(query) && !row.plain.toLowerCase().includes(query);
      this.write(row, row.hidden ? "" : query);
      return !row.hidden;
    }

    filterAll() {
      let hits = 0;
      for (const row of this.box.children) hits += this.filter(row) ? 1 : 0;
      this.found.textContent = this.search.value.trim() ? fill(words.log.found, { n: number(hits) }) : "";
      if (this.following) this.toEnd();
    }

    setFollowing(following) {
      this.following = following;
      this.follow.setAttribute("aria-pressed", String(following));
      this.follow.querySelector("[data-log-follow-word]").textContent =
        words.log[following ? "pause" : "follow"];
      const use = this.follow.querySelector("use");
      use.setAttribute("href", `${use.getAttribute("href").split("#")[0]}#${following ? "pause" : "follow"}`);
      if (!following) return;
      const held = this.held;
      this.held = [];
      this.heldNote.textContent = "";
      this.add(held);
      this.toEnd();
    }

    scrolledUp() {
      if (this.following && this.box.scrollHeight > this.box.clientHeight) this.setFollowing(false);
    }

    nearEnd() {
      return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR_END_PX;
    }

    toEnd() {
      this.box.scrollTop = this.box.scrollHeight;
    }

    tellCount() {
      this.count.textContent = fill(words.log.lines, { n: number(this.box.childElementCount) });
    }

    clear() {
      this.held = [];
      this.box.replaceChildren();
      this.tellCount();
    }

    visibleText() {
      return [...this.box.children].filter((row) => !row.hidden).map((row) => row.plain).join("\n");
    }
  }

  const start = (within) => {
    for (const element of within.querySelectorAll?.("[data-log]:not([data-started])") || []) {
      element.dataset.started = "";
      new LogView(element);
    }
  };
  start(document);
  document.addEventListener("htmx:load", (event) => start(event.detail.elt.parentElement || document));
  document.addEventListener("slipway:painted", (event) => start(event.target));
})();
