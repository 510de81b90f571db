/* Keeps the page true: says what it shows, takes what changed, tells in words when it cannot know.

   An element with data-live="name" (data-live-id, data-live-query) is a fragment; see
   controlplane/fragments/registry.py. After a change it sends "slipway:painted"; when its object no
   longer exists, "slipway:gone". Needs frame.js, socket.js and morph.js. */

(() => {
  "use strict";

  const root = document.documentElement;
  const { words, fill, language } = window.slipway;
  let epoch = null;
  let number = 0;
  let outdated = null; // the epoch we gave up: frames of it may still be under way
  let told = "";
  let connection = { state: "off", retryIn: 0 };
  let shown = ""; // what the indicator says

  const fragments = () => [...document.body.querySelectorAll("[data-live]")];
  const keyOf = (element) => {
    const { live, liveId = "", liveQuery = "" } = element.dataset;
    return `${live}|${liveId}|${liveQuery}`;
  };

  function topics() {
    const found = new Map();
    for (const element of fragments()) {
      const { live, liveId = "", liveQuery = "" } = element.dataset;
      found.set(keyOf(element), { name: live, id: liveId, query: liveQuery });
    }
    return [...found.values()];
  }

  function tell({ always = false } = {}) {
    const shown = topics();
    const text = JSON.stringify(shown);
    if (!shown.length || (!always && text === told)) return;
    if (socket.send({ type: "show", lang: root.lang, topics: shown })) told = text;
    else socket.open();
  }

  function isNext(frame) {
    if (frame.epoch === outdated) return false;
    if (frame.epoch !== epoch) {
      epoch = frame.epoch;
      number = 0;
    }
    number += 1;
    if (frame.seq === number) return true;
    outdated = epoch; // something was lost: see all of it again
    socket.send({ type: "resync" });
    return false;
  }

  function swap(element, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const next = template.content.firstElementChild;
    if (!next || element.isEqualNode(next)) return;
    window.slipwayMorph(element, next);
    window.htmx.process(element);
    element.dispatchEvent(new CustomEvent("slipway:painted", { bubbles: true }));
  }

  // A part that could not be read stays as it was, and says since when: nobody takes it for true.
  function stale(element, code) {
    const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    const time = new Intl.DateTimeFormat(language, clock).format(new Date());
    element.dataset.liveStale ||= fill(words.staleSince, { time, code });
  }

  function each(topic, change) {
    for (const element of fragments()) if (keyOf(element) === topic) change(element);
  }

  const takes = {
    fragment: ({ topic, html }) => {
      each(topic, (element) => {
        delete element.dataset.liveGone;
        delete element.dataset.liveStale;
        swap(element, html);
      });
      show();
      tell();
    },
    gone: ({ topic }) =>
      each(topic, (element) => {
        element.dataset.liveGone = "";
        element.dispatchEvent(new CustomEvent("slipway:gone", { bubbles: true }));
      }),
    notice: (detail) => document.dispatchEvent(new CustomEvent("slipway:notice", { detail })),
    refused: ({ topic, code }) => {
      each(topic, (element) => stale(element, code));
      show();
    },
  };

  function show(state = connection.state, retryIn = 0) {
    connection = { state, retryIn };
    const detail = { ...connection };
    if (state === "live" && document.querySelector("[data-live-stale]")) detail.state = "stale";
    if (detail.state === shown && state !== "paused") return;
    shown = detail.state;
    document.dispatchEvent(new CustomEvent("slipway:live", { detail }));
  }

  const socket = new window.SlipwaySocket("/ws/live/", {
    opened() {
      epoch = null;
      tell({ always: true });
    },
    frame(frame) {
      if (isNext(frame)) takes[frame.type]?.(frame);
    },
    state: (state, seconds) => show(state, seconds),
  });

  document.addEventListener("htmx:afterSettle", () => tell());
  if (fragments().length) socket.open();
})();
