/* A websocket that comes back: backoff from 1 to 30 s with full jitter, silence noticed, sleep survived.

   const socket = new SlipwaySocket("/ws/live/", {
     opened() {},                 // (again) open; send what the server must know
     frame(frame) {},             // a JSON frame
     state(name, seconds) {},     // "live", "paused" (retrying in so many seconds) or "off"
   });
   socket.open(); socket.send({...}) says whether it went out; socket.close(). */

(() => {
  "use strict";

  const LONGEST_S = 30;
  const SILENT_MS = 45000; // the server beats every 20 s
  const STEADY_MS = 10000; // open for so long: the next loss starts from a short wait again
  const HIDDEN_MS = 60000; // a page nobody looks at gives its socket back
  const SIGNED_OUT = [4401, 4403];
  const TOO_MANY = 4429;

  class SlipwaySocket {
    constructor(path, { opened, frame, state }) {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      this.address = `${scheme}//${location.host}${path}`;
      this.handlers = { opened, frame, state };
      this.attempt = 0;
      this.wanted = false;
      this.busy = () => false; // while it says so, a hidden page keeps its socket
      document.addEventListener("visibilitychange", () => this.looked());
      window.addEventListener("online", () => this.hurry());
      window.addEventListener("pagehide", () => this.drop());
      window.addEventListener("pageshow", (event) => event.persisted && this.hurry());
      window.setInterval(() => this.watch(), 5000);
    }

    open() {
      this.wanted = true;
      if (!this.socket) this.connect();
    }

    close() {
      this.wanted = false;
      this.drop();
      this.say("off");
    }

    send(frame) {
      if (this.socket?.readyState !== WebSocket.OPEN) return false;
      this.socket.send(JSON.stringify(frame));
      return true;
    }

    get isOpen() {
      return this.socket?.readyState === WebSocket.OPEN;
    }

    // --- inside ---------------------------------------------------------------------------------

    connect() {
      window.clearTimeout(this.waiting);
      const socket = new WebSocket(this.address);
      this.socket = socket;
      this.heard = Date.now();
      socket.onopen = () => {
        this.steady = window.setTimeout(() => (this.attempt = 0), STEADY_MS);
        this.say("live");
        this.handlers.opened();
      };
      socket.onmessage = (event) => {
        this.heard = Date.now();
        this.handlers.frame(JSON.parse(event.data));
      };
      socket.onclose = (event) => socket === this.socket && this.lost(event.code);
    }

    lost(code) {
      this.socket = null;
      window.clearTimeout(this.steady);
      if (SIGNED_OUT.includes(code)) return location.reload(); // the server knows where to send us
      if (!this.wanted) return undefined;
      this.attempt += 1;
      const reach = code === TOO_MANY ? LONGEST_S : Math.min(LONGEST_S, 2 ** this.attempt);
      this.waitFor(Math.round(1 + Math.random() * (reach - 1)));
      return undefined;
    }

    waitFor(seconds) {
      window.clearTimeout(this.waiting);
      this.waiting = window.setTimeout(() => this.connect(), seconds * 1000);
      this.say("paused", seconds);
    }

    drop() {
      window.clearTimeout(this.waiting);
      window.clearTimeout(this.steady);
      const socket = this.socket;
      this.socket = null;
      socket?.close();
    }

    hurry() {
      if (!this.wanted || this.isOpen || this.socket?.readyState === WebSocket.CONNECTING) return;
      this.drop();
      this.connect();
    }

    looked() {
      window.clearTimeout(this.hidden);
      if (document.hidden) {
        this.hidden = window.setTimeout(() => this.sleep(), HIDDEN_MS);
      } else {
        this.watch();
        this.hurry();
      }
    }

    sleep() {
      if (!this.wanted || this.busy()) return;
      this.drop();
      this.say("off");
    }

    watch() {
      if (this.isOpen && Date.now() - this.heard > SILENT_MS) {
        this.drop(); // the machine slept, or the line is dead and nobody told us
        this.lost(1006);
        if (!document.hidden) this.hurry();
      }
    }

    say(name, seconds) {
      this.handlers.state?.(name, seconds);
    }
  }

  window.SlipwaySocket = SlipwaySocket;
})();
