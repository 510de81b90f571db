// Charts: one measure over time as SVG, in the theme's own colours, gaps as gaps.
//
// `<figure data-chart data-url data-unit data-limit>` (components/chart.html) reads JSON from its
// address with ?range=15m|1h|24h|7d, or the one in data-range:
//   {"start": s, "end": s, "times": [s…], "series": [{"name": "…", "values": [number|null…]}…]}
// and reads again while it is seen. A live page may add a point itself:
//   figure.dispatchEvent(new CustomEvent("slipway:sample", {detail: {time: s, values: [number…]}}))
// The unit "bytes" is shown in binary units.
(() => {
  "use strict";
  const { words, number, short, size, language } = window.slipway;
  const SVG = "http://www.w3.org/2000/svg";
  const AGAIN_MS = { "15m": 5000, "1h": 15000, "24h": 60000 };
  const AGAIN_LONG_MS = 300000;
  const DAY_S = 86400;
  const TIME_STEPS = [60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200].concat(
    [1, 2, 7, 14, 30, 61, 122].map((days) => days * DAY_S),
  );
  const TOP = 8;
  const BOTTOM = 22;

  const draw = (name, attributes, ...children) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const element = (name, text = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };

  // The scale's steps: 1, 2 or 5 times a power of ten; of two for bytes.
  const niceStep = (reach, steps, bytes) => {
    const rough = reach / steps || 1;
    if (bytes) return 2 ** Math.ceil(Math.log2(rough));
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  };

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.plot = figure.querySelector(".chart-plot");
      this.note = figure.querySelector(".chart-note");
      this.legend = figure.querySelector(".chart-legend");
      this.title = this.plot.getAttribute("aria-label");
      this.unit = figure.dataset.unit || "";
      this.limit = figure.dataset.limit ? Number(figure.dataset.limit) : null;
      this.range = figure.dataset.range || "15m";
      this.data = null;
      this.at = null; // index under the cursor
      this.seen = false;
      this.listen();
    }

    listen() {
      new ResizeObserver(() => this.paint()).observe(this.plot);
      new IntersectionObserver(([entry]) => {
        this.seen = entry.isIntersecting;
        if (this.seen) this.load();
      }).observe(this.figure);
      this.figure.addEventListener("click", (event) => {
        const button = event.target.closest("[data-range]");
        if (button) this.choose(button);
      });
      this.figure.addEventListener("slipway:sample", (event) => this.add(event.detail));
      this.plot.addEventListener("pointermove", (event) => this.point(event.offsetX));
      this.plot.addEventListener("pointerleave", () => this.cursor(null));
      this.plot.addEventListener("blur", () => this.cursor(null));
      this.plot.addEventListener("keydown", (event) => this.key(event));
      this.figure.querySelector("details")?.addEventListener("toggle", () => this.table());
    }

    choose(button) {
      this.range = button.dataset.range;
      for (const other of this.figure.querySelectorAll("[data-range]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      this.load();
    }

    async load() {
      clearTimeout(this.timer);
      if (!this.figure.isConnected) return;
      if (!this.figure.dataset.url) {
        this.tell(words.chart.none);
        return;
      }
      const asked = this.range;
      const address = new URL(this.figure.dataset.url, location.href);
      address.searchParams.set("range", asked);
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const data = await answer.json();
        if (asked !== this.range) return;
        this.data = data;
        this.paint();
      } catch {
        if (!this.data) this.tell(words.chart.failed);
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        if (this.seen && !document.hidden) this.load();
        else if (this.seen) document.addEventListener("visibilitychange", () => this.load(), { once: true });
      }, AGAIN_MS[asked] || AGAIN_LONG_MS);
    }

    add({ time, values }) {
      if (!this.data || time <= this.data.times.at(-1)) return;
      const shift = time - this.data.end;
      this.data.end = time;
      this.data.start += shift;
      this.data.times.push(time);
      this.data.series.forEach((line, i) => line.values.push(values[i] ?? null));
      while (this.data.times[0] < this.data.start) {
        this.data.times.shift();
        for (const line of this.data.series) line.values.shift();
      }
      this.paint();
    }

    tell(text) {
      this.plot.querySelector("svg")?.remove();
      this.note.textContent = text;
      this.note.hidden = false;
    }

    text(value) {
      if (value === null || value === undefined) return words.chart.gap;
      if (this.unit === "bytes") return size(value);
      return this.unit ? `${short(value)} ${this.unit}` : short(value);
    }

    clock(seconds, withSeconds) {
      const days = (this.data.end - this.data.start) / DAY_S;
      const wide = days > 2;
      const far = days > 8;
      return new Intl.DateTimeFormat(language, {
        ...(wide ? { day: "numeric" } : {}),
        ...(wide && !far ? { weekday: "short" } : {}),
        ...(far ? { month: "short" } : {}),
        ...(far || (wide && !withSeconds) ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
        ...(withSeconds && !wide ? { second: "2-digit" } : {}),
      }).format(new Date(seconds * 1000));
    }

    measure() {
      const known = this.data.series.flatMap((line) => line.values).filter((v) => v !== null);
      if (!known.length) return false;
      let top = 0;
      for (const value of known) top = Math.max(top, value);
      if (this.limit !== null) top = Math.max(top, this.limit);
      this.step = niceStep(top || 1, 4, this.unit === "bytes");
      this.top = Math.max(this.step, Math.ceil((top || 1) / this.step) * this.step);
      this.width = this.plot.clientWidth;
      this.height = this.plot.clientHeight;
      const digits = this.step < 1 ? Math.ceil(-Math.log10(this.step)) : 0;
      this.label = (value) =>
        this.unit === "bytes" ? size(value).replace(/[.,]0 /, " ") : number(value, digits);
      this.left = 14 + 7 * Math.max(...[0, this.step, this.top].map((v) => this.label(v).length));
      return this.width > this.left;
    }

    x(time) {
      const { start, end } = this.data;
      return this.left + ((this.width - this.left) * (time - start)) / (end - start || 1);
    }

    y(value) {
      return TOP + (this.height - TOP - BOTTOM) * (1 - value / this.top);
    }

    grid() {
      const marks = [];
      for (let value = 0; value <= this.top * 1.001; value += this.step) {
        const y = Math.round(this.y(value)) + 0.5;
        marks.push(draw("line", { class: "chart-grid", x1: this.left, x2: this.width, y1: y, y2: y }));
        const text = draw("text", { class: "chart-text", x: this.left - 8, y: y + 4, "text-anchor": "end" });
        text.textContent = this.label(value);
        marks.push(text);
      }
      const { start, end } = this.data;
      const room = Math.max(2, Math.floor((this.width - this.left) / 90));
      const step = TIME_STEPS.find((s) => (end - start) / s <= room) || 366 * DAY_S;
      const zone = new Date(end * 1000).getTimezoneOffset() * 60;
      for (let t = Math.ceil((start - zone) / step) * step + zone; t <= end; t += step) {
        const x = this.x(t);
        if (x > this.width - 18 || x < this.left + 12) continue;
        const text = draw("text", { class: "chart-text", x, y: this.height - 4, "text-anchor": "middle" });
        text.textContent = this.clock(t, false);
        marks.push(text);
      }
      return marks;
    }

    // Runs of known samples; a null, or samples too far apart, break the line.
    runs(values) {
      const { times } = this.data;
      const usual = times.length > 1 ? (times.at(-1) - times[0]) / (times.length - 1) : 0;
      const runs = [];
      let run = null;
      values.forEach((value, i) => {
        const far = i > 0 && usual > 0 && times[i] - times[i - 1] > usual * 3;
        if (value === null || far) run = null;
        if (value === null) return;
        if (!run) runs.push((run = []));
        run.push([this.x(times[i]), this.y(Math.min(value, this.top))]);
      });
      return runs;
    }

    lines() {
      const base = this.y(0);
      const alone = this.data.series.length === 1;
      return this.data.series.flatMap((line, i) => {
        const series = `series-${i % 6}`;
        const runs = this.runs(line.values);
        const path = (run) => run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
        const drawn = runs.map((run) =>
          run.length === 1
            ? draw("circle", { class: `${series} chart-dot`, cx: run[0][0], cy: run[0][1], r: 2 })
            : draw("path", { class: `${series} chart-line`, d: `M${path(run)}` }),
        );
        if (!alone) return drawn;
        const areas = runs
          .filter((run) => run.length > 1)
          .map((run) =>
            draw("path", {
              class: `${series} chart-area`,
              d: `M${run[0][0].toFixed(1)} ${base}L${path(run)}L${run.at(-1)[0].toFixed(1)} ${base}Z`,
            }),
          );
        return [...areas, ...drawn];
      });
    }

    paint() {
      if (!this.data) return;
      if (!this.measure()) {
        this.tell(words.chart.none);
        this.legend.replaceChildren();
        return;
      }
      this.note.hidden = true;
      const svg = draw("svg", { "aria-hidden": "true" }, ...this.grid(), ...this.lines());
      if (this.limit !== null) {
        const y = Math.round(this.y(this.limit)) + 0.5;
        svg.append(draw("line", { class: "chart-limit", x1: this.left, x2: this.width, y1: y, y2: y }));
      }
      this.marks = draw("g", {});
      svg.append(this.marks);
      this.plot.querySelector("svg")?.remove();
      this.plot.append(svg);
      this.cursor(this.at);
      this.table();
    }

    latest(values) {
      for (let i = values.length - 1; i >= 0; i -= 1) if (values[i] !== null) return i;
      return null;
    }

    cursor(index) {
      this.at = index;
      if (!this.data || !this.marks) return;
      const { times, series } = this.data;
      this.marks.replaceChildren();
      if (index !== null && times[index] !== undefined) {
        const x = Math.round(this.x(times[index])) + 0.5;
        this.marks.append(
          draw("line", { class: "chart-cursor", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }),
        );
        series.forEach((line, i) => {
          const value = line.values[index];
          if (value === null || value === undefined) return;
          this.marks.append(
            draw("circle", { class: `series-${i % 6} chart-dot`, cx: x, cy: this.y(value), r: 4 }),
          );
        });
      }
      this.writeLegend(index);
    }

    writeLegend(index) {
      const { times, series } = this.data;
      const items = series.map((line, i) => {
        const item = element("li");
        const key = draw("svg", { viewBox: "0 0 20 8", "aria-hidden": "true" });
        key.append(draw("path", { class: `series-${i % 6} chart-line`, d: "M1 4H19" }));
        const where = index === null ? this.latest(line.values) : index;
        item.append(key, line.name, element("output", this.text(where === null ? null : line.values[where])));
        return item;
      });
      if (index !== null && times[index] !== undefined) {
        items.push(element("li", this.clock(times[index], true)));
      }
      this.legend.replaceChildren(...items);
      const told = series.map((line) => `${line.name} ${this.text(line.values[this.latest(line.values)])}`);
      this.plot.setAttribute("aria-label", `${this.title}: ${told.join(", ")}`);
    }

    point(x) {
      if (!this.data?.times.length || !this.width) return;
      const { start, end, times } = this.data;
      const time = start + ((x - this.left) / (this.width - this.left)) * (end - start);
      let best = 0;
      times.forEach((t, i) => {
        if (Math.abs(t - time) < Math.abs(times[best] - time)) best = i;
      });
      this.cursor(best);
    }

    key(event) {
      const moves = { ArrowLeft: -1, ArrowRight: 1 };
      if (!this.data || !(event.key in moves)) return;
      event.preventDefault();
      const last = this.data.times.length - 1;
      const from = this.at === null ? last + (moves[event.key] < 0 ? 1 : 0) : this.at;
      this.cursor(Math.min(last, Math.max(0, from + moves[event.key])));
    }

    table() {
      const details = this.figure.querySelector("details");
      if (!details?.open || !this.data) return;
      const table = element("table");
      table.className = "diff";
      const head = element("tr");
      for (const name of [words.chart.time, ...this.data.series.map((line) => line.name)]) {
        const cell = element("th", name);
        cell.scope = "col";
        head.append(cell);
      }
      table.createTHead().append(head);
      const body = table.createTBody();
      const { times, series } = this.data;
      for (let i = times.length - 1; i >= Math.max(0, times.length - 60); i -= 1) {
        const row = element("tr");
        const when = element("th", this.clock(times[i], true));
        when.scope = "row";
        row.append(when, ...series.map((line) => element("td", this.text(line.values[i]))));
        body.append(row);
      }
      details.querySelector(".chart-table").replaceChildren(table);
    }
  }

  const start = (within) => {
    for (const figure of within.querySelectorAll?.("[data-chart]:not([data-started])") || []) {
      figure.dataset.started = "";
      new Chart(figure);
    }
  };
  start(document);
  document.addEventListener("htmx:load", (event) => start(event.detail.elt.parentElement || document));
  document.addEventListener("slipway:painted", (event) => start(event.target));
})();
