// The playground: turns of a question and its answers, in one column or two. Speaks to /ws/chat/.
//
// A chat is a list of turns {text, answers: [Answer, Answer]}; each column's answers make its own
// conversation. Nothing is stored unless it is kept.
(() => {
  "use strict";
  const { fill, copy, toast } = window.slipway;
  const { words, shape, Answer, parameters } = window.slipwayPlayground;
  const root = document.getElementById("playground");
  const composer = document.getElementById("composer");
  const box = document.getElementById("composer-text");
  const targets = document.getElementById("playground-targets").id;
  const PART = 40000;
  const NEAR_END_PX = 80;
  const find = (name) => root.querySelector(`[data-chat-${name}]`);
  const columns = [...root.querySelectorAll("[data-column]")].map((element) => ({
    element,
    turns: element.querySelector("[data-turns]"),
    target: element.querySelector("[data-chat-target]"),
    state: element.querySelector("[data-chat-state]"),
    reason: element.querySelector("[data-chat-reason]"),
  }));
  let turns = [];
  let kept = null; // {id, version, title} of the chat as the server has it
  let changed = false; // since it was kept
  const running = new Map(); // answer id -> Answer
  const waiting = []; // asks that wait for the socket

  const comparing = () => !columns[1].element.hidden;
  const active = () => (comparing() ? [0, 1] : [0]);

  // --- whom to talk to ------------------------------------------------------------------------------
  const offered = () => [...document.getElementById(targets).children];
  const offerOf = (column) =>
    offered().find((one) => one.dataset.name === columns[column].target.value);

  function showTargets() {
    const offers = offered();
    for (const column of [0, 1]) {
      const { target } = columns[column];
      const before = target.value || target.dataset.wanted || "";
      const options = offers.map(({ dataset }) => {
        const label = dataset.model ? `${dataset.name} · ${dataset.model}` : dataset.name;
        const shown = "ready" in dataset ? label : fill(words.notReady, { name: label, state: dataset.state });
        return new Option(shown, dataset.name);
      });
      if (before && !offers.some((one) => one.dataset.name === before)) {
        options.push(new Option(fill(words.gone, { name: before }), before));
      }
      target.replaceChildren(...options);
      target.value = before || options[column]?.value || options[0]?.value || "";
      showState(column);
    }
    showEmpty();
  }

  function showState(column) {
    const offer = offerOf(column);
    const { state, reason } = columns[column];
    state.replaceChildren(...(offer ? [offer.firstElementChild.cloneNode(true)] : []));
    reason.textContent = offer?.dataset.reason || "";
    reason.hidden = !reason.textContent;
  }

  function showEmpty() {
    for (const { turns: list } of columns) {
      const empty = list.querySelector(".turns-empty");
      if (turns.length) empty?.remove();
      else if (!empty) list.append(shape("empty"));
      for (const part of list.querySelectorAll("[data-none]")) part.hidden = offered().length > 0;
      for (const part of list.querySelectorAll("[data-some]")) part.hidden = offered().length === 0;
    }
  }

  // --- asking ---------------------------------------------------------------------------------------
  // What this column's deployment is told: the turns before that were answered, and the question.
  function messagesOf(column, upto) {
    const found = parameters.system() ? [{ role: "system", content: parameters.system() }] : [];
    for (const turn of turns.slice(0, upto)) {
      const answer = turn.answers[column];
      if (!answer?.isUsable) continue;
      found.push({ role: "user", content: turn.text }, { role: "assistant", content: answer.text });
    }
    return [...found, { role: "user", content: turns[upto].text }];
  }

  function ask(column, index) {
    const turn = turns[index];
    turn.answers[column]?.remove();
    const answer = new Answer(hooksOf(column, turn));
    turn.answers[column] = answer;
    turn.questions[column].after(answer.element);
    answer.id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (n) => n.toString(16)).join("");
    running.set(answer.id, answer);
    changed = true;
    columns[column].turns.scrollTop = columns[column].turns.scrollHeight;
    const request = {
      id: answer.id,
      deployment: columns[column].target.value,
      messages: messagesOf(column, index),
      parameters: parameters.read(),
    };
    if (!send(request)) {
      waiting.push(request);
      socket.open();
      socket.hurry();
    }
    showWork();
  }

  const hooksOf = (column, turn) => ({
    column,
    again: () => {
      if (running.size === 0) askAgain(column, turns.indexOf(turn));
    },
    request: showRequest,
    grew: (answer) => follow(answer),
  });

  function askAgain(column, index) {
    if (!parameters.check()) return;
    cutAfter(index);
    ask(column, index);
  }

  function send(request) {
    if (!socket.isOpen) return false;
    const lang = document.documentElement.lang;
    const text = JSON.stringify(request);
    if (text.length < PART) return socket.send({ type: "ask", lang, request });
    for (let at = 0; at < text.length; at += PART) {
      socket.send({ type: "part", text: text.slice(at, at + PART) });
    }
    return socket.send({ type: "ask", lang });
  }

  // Keep the end in sight, unless the reader has scrolled away from it.
  function follow(answer) {
    const list = columns[answer.column].turns;
    if (list.dataset.away === undefined) list.scrollTop = list.scrollHeight;
    if (answer.isRunning) return;
    running.delete(answer.id);
    const said = answer.failure ? fill(words.failedAloud, answer.failure) : words.answered;
    document.getElementById("said").textContent = said;
    showWork();
  }

  for (const { turns: list } of columns) {
    list.addEventListener("scroll", () => {
      const away = list.scrollHeight - list.scrollTop - list.clientHeight > NEAR_END_PX;
      if (away) list.dataset.away = "";
      else delete list.dataset.away;
    });
  }

  function stop() {
    for (const id of running.keys()) socket.send({ type: "stop", id });
  }

  function showWork() {
    const busy = running.size > 0;
    const had = document.activeElement;
    find("send").hidden = busy;
    find("stop").hidden = !busy;
    if (busy && had === find("send")) find("stop").focus();
    if (!busy && had === find("stop")) box.focus();
    const keep = find("keep");
    keep.disabled = busy || turns.length === 0 || !changed;
    const word = kept ? (changed ? words.keepAgain : words.keptAlready) : words.keep;
    keep.querySelector("[data-keep-word]").textContent = word;
    root.dataset.busy = busy ? "" : undefined;
    if (!busy) delete root.dataset.busy;
  }

  // --- turns ----------------------------------------------------------------------------------------
  function addTurn(text) {
    const turn = { text, answers: [null, null], questions: [] };
    turns.push(turn);
    showEmpty();
    for (const column of [0, 1]) {
      const element = shape("question");
      element.querySelector("[data-text]").textContent = text;
      element.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button?.dataset.turnCopy !== undefined) copy(button, turn.text);
        else if (button?.dataset.turnEdit !== undefined) edit(turn, element);
      });
      columns[column].turns.append(element);
      turn.questions[column] = element;
    }
    return turns.length - 1;
  }

  function cutAfter(index) {
    for (const turn of turns.splice(index + 1)) {
      for (const element of turn.questions) element.remove();
      for (const answer of turn.answers) answer?.remove();
    }
  }

  function edit(turn, element) {
    if (running.size || element.querySelector(".turn-edit")) return;
    const form = shape("edit");
    const text = element.querySelector("[data-text]");
    const field = form.querySelector("textarea");
    const close = () => {
      form.remove();
      text.hidden = false;
      element.querySelector("[data-turn-edit]").focus();
    };
    field.value = turn.text;
    form.querySelector("[data-replaces]").hidden = turns.at(-1) === turn;
    text.hidden = true;
    text.after(form);
    field.focus();
    form.querySelector("[data-edit-cancel]").addEventListener("click", close);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (isSend(event)) form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!field.value.trim() || !parameters.check()) return;
      turn.text = field.value;
      for (const question of turn.questions) {
        question.querySelector("[data-text]").textContent = turn.text;
        question.querySelector("[data-text]").hidden = false;
        question.querySelector(".turn-edit")?.remove();
      }
      const index = turns.indexOf(turn);
      cutAfter(index);
      for (const column of active()) ask(column, index);
    });
  }

  function showRequest(answer) {
    const where = answer.started;
    document.querySelector("#request-json code").textContent = where.json;
    document.querySelector("#request-curl code").textContent = where.curl;
    document.getElementById("request").showModal();
  }

  // --- side by side ---------------------------------------------------------------------------------
  function setComparing(on) {
    columns[1].element.hidden = !on;
    root.dataset.compare = on ? "on" : "off";
    find("compare").setAttribute("aria-pressed", String(on));
    if (!on) return;
    for (const turn of turns) {
      if (turn.answers[1] || !turn.answers[0] || turn.answers[0].isRunning) continue;
      const first = turn.answers[0];
      const same = { ...first.record, html: first.body.innerHTML, started: first.started };
      turn.answers[1] = Answer.of(same, hooksOf(1, turn));
      turn.questions[1].after(turn.answers[1].element);
    }
  }
  find("compare").addEventListener("click", () => setComparing(!comparing()));
  for (const column of [0, 1]) {
    columns[column].target.addEventListener("change", () => showState(column));
  }

  // --- keeping --------------------------------------------------------------------------------------
  const titleOf = () =>
    (turns[0]?.text.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, 80)) || words.untitled;

  function content() {
    return {
      shape: 1,
      system: parameters.system(),
      parameters: parameters.read(),
      deployments: active().map((column) => columns[column].target.value),
      turns: turns.map(({ text, answers }) => ({
        text,
        answers: active().map((column) => answers[column]?.record || null),
      })),
    };
  }

  async function keep() {
    const headers = { "Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers")) };
    const body = JSON.stringify({ ...kept, title: kept?.title || titleOf(), content: content() });
    let answer;
    try {
      answer = await fetch(root.dataset.keepUrl, { method: "POST", headers, body });
    } catch {
      return toast(words.keepFailed, "error");
    }
    const said = await answer.json().catch(() => ({ detail: words.keepFailed }));
    if (!answer.ok) return toast([said.detail, said.remedy].filter(Boolean).join(" "), "error");
    kept = said;
    changed = false;
    showWork();
    history.replaceState(null, "", `${root.dataset.pageUrl}?chat=${kept.id}`);
    window.htmx.ajax("GET", root.dataset.keptUrl, { target: "#kept-list", swap: "outerHTML" });
    return toast(words.kept, "success");
  }
  find("keep").addEventListener("click", keep);

  function open(chat) {
    kept = { id: chat.id, version: chat.version, title: chat.title };
    const { system, parameters: values, deployments = [], turns: old } = chat.content;
    parameters.write(values, system);
    deployments.forEach((name, column) => {
      if (columns[column]) columns[column].target.dataset.wanted = name;
    });
    for (const { text, answers } of old) {
      const turn = turns[addTurn(text)];
      answers.forEach((record, column) => {
        if (!record) return;
        turn.answers[column] = Answer.of(record, hooksOf(column, turn));
        turn.questions[column].after(turn.answers[column].element);
      });
    }
    setComparing(deployments.length > 1);
  }

  // --- the composer ---------------------------------------------------------------------------------
  const isSend = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing;

  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value;
    if (!text.trim() || running.size || !columns[0].target.value || !parameters.check()) return;
    box.value = "";
    parameters.keep();
    const index = addTurn(text);
    for (const column of active()) {
      delete columns[column].turns.dataset.away;
      ask(column, index);
    }
  });
  box.addEventListener("keydown", (event) => {
    if (!isSend(event)) return;
    event.preventDefault();
    composer.requestSubmit();
  });
  find("stop").addEventListener("click", stop);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && running.size) stop();
  });
  window.addEventListener("beforeunload", (event) => {
    if (running.size || (changed && turns.length)) event.preventDefault();
  });
  document.addEventListener("slipway:painted", (event) => {
    if (event.target.id === targets) showTargets();
  });

  // --- the socket -----------------------------------------------------------------------------------
  const lose = () => {
    waiting.length = 0;
    for (const answer of [...running.values()]) {
      answer.take({ type: "failed", code: "CONNECTION_LOST", text: words.lost, remedy: words.lostRemedy });
    }
  };
  const socket = new window.SlipwaySocket("/ws/chat/", {
    opened() {
      for (const request of waiting.splice(0)) send(request);
    },
    frame(frame) {
      if (frame.id) running.get(frame.id)?.take(frame);
    },
    state(name) {
      root.dataset.socket = name;
      if (name === "paused") lose();
    },
  });
  socket.busy = () => running.size > 0;

  const opened = JSON.parse(document.getElementById("playground-opened")?.textContent || "null");
  if (root.dataset.chosen) columns[0].target.dataset.wanted = root.dataset.chosen;
  if (opened) open(opened);
  changed = false;
  showTargets();
  showWork();
  socket.open();
  if (window.matchMedia("(pointer: fine)").matches) box.focus();
})();
