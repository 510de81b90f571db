// One answer of the playground: shows its pieces as they come, then its figures or what went wrong.
//
// Text appears at once, as text; the server's rendering of it follows and takes its place. What has
// come since that rendering stands at the end of its last paragraph until the next one.
(() => {
  "use strict";
  const { fill, number, copy } = window.slipway;
  const words = JSON.parse(document.getElementById("playground-words").textContent);
  const shape = (name) =>
    document.getElementById(`shape-${name}`).content.firstElementChild.cloneNode(true);
  const HOLDS_TEXT = "p, li, h1, h2, h3, h4, h5, h6, td, th, code, pre, blockquote, ul, ol, table, thead, tbody, tr";

  // Where the next words belong: inside the last block of what is rendered.
  const lastBlock = (body) => {
    let at = body;
    while (at.lastElementChild?.matches(HOLDS_TEXT) && !isAfterText(at)) at = at.lastElementChild;
    return at;
  };
  const isAfterText = (at) => at.matches("p, td, th, h1, h2, h3, h4, h5, h6");

  const seconds = (ms) =>
    ms < 1000
      ? fill(words.firstToken, { n: number(ms) })
      : fill(words.firstTokenSeconds, { n: number(ms / 1000, 1) });

  class Answer {
    constructor({ column, again, request, grew }) {
      this.column = column;
      this.hooks = { again, request, grew };
      this.element = shape("answer");
      this.find = (name) => this.element.querySelector(`[data-${name}]`);
      this.body = this.find("body");
      this.text = "";
      this.thinking = "";
      this.calls = [];
      this.state = "waiting";
      this.began = Date.now();
      this.rendered = 0;
      this.clock = setInterval(() => this.tellWaiting(), 500);
      this.tellWaiting();
      this.listen();
    }

    // An answer that was kept, or that the other column had.
    static of(record, hooks) {
      const answer = new Answer(hooks);
      Object.assign(answer, {
        text: record.text || "",
        thinking: record.thinking || "",
        started: record.started || null,
        figures: record.figures || null,
        finish: record.finish || "",
      });
      answer.body.innerHTML = record.html || "";
      for (const call of record.calls || []) answer.takeCall(call);
      if (answer.thinking) answer.showThinking(false);
      if (record.failure) answer.fail(record.failure);
      else answer.end("done");
      return answer;
    }

    get record() {
      const { text, thinking, calls, started, figures, finish, failure } = this;
      const where = started && { ...started, json: undefined, curl: undefined };
      return { text, thinking, calls, started: where, figures, finish, failure };
    }

    get isRunning() {
      return this.state === "waiting" || this.state === "streaming";
    }

    get isUsable() {
      return this.state === "done" && this.text.trim() !== "";
    }

    listen() {
      this.element.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        const { turnAgain, turnRequest, turnCopy, codeCopy } = button.dataset;
        if (turnAgain !== undefined) this.hooks.again();
        else if (turnRequest !== undefined) this.hooks.request(this);
        else if (turnCopy !== undefined) copy(button, this.text);
        else if (codeCopy !== undefined) {
          copy(button, button.closest(".code").querySelector("pre").textContent);
        }
      });
      this.find("thinking").addEventListener("click", () => (this.thinkingTouched = true));
    }

    tellWaiting() {
      const waited = Math.floor((Date.now() - this.began) / 1000);
      const said = this.place
        ? fill(words.inLine, { position: number(this.place.position), n: number(this.place.wait_s) })
        : fill(words.waiting, { n: number(waited) });
      this.find("waiting").textContent = said;
    }

    take(frame) {
      if (!this.isRunning) return;
      const taker = {
        line: () => this.takePlace(frame),
        started: () => this.takeStart(frame),
        text: () => this.takeText(frame.text),
        thinking: () => this.takeThinking(frame.text),
        call: () => this.takeCall(frame),
        rendered: () => this.takeRendering(frame),
        done: () => this.takeEnd(frame),
        failed: () => this.fail(frame),
      }[frame.type];
      if (!taker) return;
      taker();
      this.hooks.grew(this);
    }

    takePlace(frame) {
      this.place = frame;
      this.tellWaiting();
    }

    takeStart(frame) {
      this.started = frame;
      this.place = null; // it has a slot now
      this.tellWaiting();
    }

    streaming() {
      if (this.state !== "waiting") return;
      this.state = "streaming";
      this.element.dataset.state = "streaming";
      clearInterval(this.clock);
    }

    takeText(text) {
      this.streaming();
      if (this.thinking && !this.text) this.showThinking(false);
      this.text += text;
      if (!this.tail) this.beginTail("");
      this.tail.data += text;
    }

    beginTail(text) {
      this.tail = document.createTextNode(text);
      let place = lastBlock(this.body);
      if (place === this.body) {
        place = document.createElement("p");
        this.body.append(place);
      }
      place.append(this.tail);
    }

    takeRendering({ html, upto }) {
      this.body.innerHTML = html; // made and cleaned by the server: controlplane/wording/markdown.py
      this.dressCode();
      this.tail = null;
      const rest = this.text.slice(upto);
      if (rest) this.beginTail(rest);
    }

    dressCode() {
      for (const block of this.body.querySelectorAll("pre")) {
        if (block.closest(".code")) continue;
        const dressed = shape("code");
        const name = block.querySelector("code")?.className.replace("language-", "");
        dressed.querySelector("[data-language]").textContent = name || words.code;
        block.tabIndex = 0;
        block.replaceWith(dressed);
        dressed.append(block);
      }
    }

    takeThinking(text) {
      this.streaming();
      this.thinking += text;
      this.showThinking(true);
    }

    showThinking(open) {
      const box = this.find("thinking");
      box.hidden = false;
      if (!this.thinkingTouched) box.open = open;
      this.find("thoughts").textContent = this.thinking;
    }

    takeCall({ index, name, arguments: given }) {
      this.streaming();
      const call = (this.calls[index] ??= { index, name: "", arguments: "" });
      call.name += name;
      call.arguments += given;
      const place = this.find("calls");
      let code = place.children[index];
      if (!code) {
        code = shape("code");
        code.append(Object.assign(document.createElement("pre"), { tabIndex: 0 }));
        place.append(code);
      }
      code.querySelector("[data-language]").textContent = call.name;
      code.querySelector("pre").textContent = call.arguments;
    }

    takeEnd({ figures, finish }) {
      this.figures = figures;
      this.finish = finish;
      this.end("done");
    }

    fail({ code, text, remedy, figures }) {
      this.failure = { code, text, remedy };
      this.figures = figures || this.figures;
      this.find("failure").hidden = false;
      this.find("failure-code").textContent = code;
      this.find("failure-text").textContent = text;
      this.find("failure-remedy").textContent = remedy;
      this.end("failed");
    }

    end(state) {
      clearInterval(this.clock);
      this.state = state;
      this.element.dataset.state = state;
      this.dressCode();
      this.find("figures").textContent = this.figuresText();
      this.find("foot").hidden = false;
      this.element.querySelector("[data-turn-request]").hidden = !this.started?.json;
    }

    figuresText() {
      const { figures, started, finish } = this;
      const parts = [];
      if (figures?.first_token_ms != null) parts.push(seconds(figures.first_token_ms));
      if (figures?.tokens_per_s) {
        parts.push(fill(words.speed, { n: number(figures.tokens_per_s, 1) }));
      }
      if (figures?.completion_tokens) {
        const pattern = figures.counted ? words.tokensCounted : words.tokens;
        parts.push(fill(pattern, { n: number(figures.completion_tokens) }));
      }
      if (figures?.prompt_tokens != null) {
        parts.push(fill(words.prompt, { n: number(figures.prompt_tokens) }));
      }
      if (started) parts.push(fill(words.where, started));
      if (words.finish[finish]) parts.push(words.finish[finish]);
      return parts.join(" · ");
    }

    remove() {
      clearInterval(this.clock);
      this.state = "removed";
      this.element.remove();
    }
  }

  window.slipwayPlayground = { words, shape, Answer };
})();
