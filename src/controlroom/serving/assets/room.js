// What the terminal's own script does not do: say when what it shows is old, and keys for a screen without any.
"use strict";
(() => {
  const PING = 1500; // milliseconds between two questions whether the screen still lives
  const SILENT = 4500; // milliseconds without an answer after which what is shown is called old
  const AGAIN = 3000; // milliseconds between two tries to come back
  const DESK = 15, SMALLEST = 7; // pixels of letters
  const WIDE = 0.601; // how wide a letter is, of how high it is
  const COLUMNS = 60; // in which the room can be shown
  const LEFT = 4000, ENDED = 4001, FULL = 4002, ODD = 4003;

  const view = { "/oncall": "oncall", "/wall": "wall" }[location.pathname] || "room";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const touch = matchMedia("(pointer: coarse)").matches;
  let socket = null;
  let heard = 0;
  let over = false;

  if (location.hash) history.replaceState(null, "", location.pathname);

  // The terminal's script opens the socket; this is how it is known here.
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      socket = this;
      heard = Date.now();
      this.addEventListener("message", (event) => {
        if (typeof event.data === "string" && JSON.parse(event.data)[0] === "pong") {
          heard = Date.now();
          if (!over) unveil();
        }
      });
      this.addEventListener("close", (event) => closed(event.code, event.reason));
    }

    send(message) {
      if (this.readyState === WebSocket.OPEN) super.send(message); // else nobody would hear it
    }
  };

  function send(...message) {
    if (socket) socket.send(JSON.stringify(message));
  }

  // Old or not

  const since = () => new Date(heard).toLocaleTimeString([], { hourCycle: "h23" });

  function veil(what, why, button) {
    document.getElementById("what").textContent = what;
    document.getElementById("why").textContent = why;
    document.getElementById("again").hidden = !button;
    document.getElementById("veil").hidden = false;
    document.title = `${what} · controlroom`;
  }

  function unveil() {
    document.getElementById("veil").hidden = true;
    document.title = "controlroom";
  }

  function closed(code, reason) {
    over = true;
    if (code === LEFT) {
      veil("The room was left", "", true);
    } else if (code === ENDED || code === FULL || code === ODD) {
      veil(code === FULL ? "No screen is free" : "This screen has ended", reason, true);
    } else {
      lost(reason);
      setTimeout(comeBack, AGAIN);
    }
  }

  function lost(reason) {
    veil("STALE", `Nothing is heard since ${since()}${reason ? `: ${reason}` : ""}. What is behind this is old.`, false);
  }

  async function comeBack() {
    try {
      const answer = await fetch("/alive", { cache: "no-store", signal: AbortSignal.timeout(AGAIN) });
      if (answer.status === 204 || answer.status === 401) {
        location.reload();
        return;
      }
    } catch {
      // It is asked again.
    }
    setTimeout(comeBack, AGAIN);
  }

  function look() {
    if (over || !socket) return;
    send("ping", String(Date.now()));
    if (Date.now() - heard > SILENT) lost("");
  }

  setInterval(look, PING);
  document.addEventListener("visibilitychange", look);

  // Keys and fingers

  const KEYS = [
    ["esc", "\x1b", "Escape"],
    ["⇥", "\t", "next pane"],
    ["↑", "\x1b[A", "up"],
    ["↓", "\x1b[B", "down"],
    ["⏎", "\r", "Enter"],
    ["?", "?", "help"],
  ];

  function bar() {
    const keys = document.getElementById("keys");
    for (const [shown, sent, named] of KEYS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = shown;
      button.setAttribute("aria-label", named);
      button.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the terminal keeps the focus
        send("stdin", sent);
      });
      keys.append(button);
    }
    const letters = document.createElement("button");
    letters.type = "button";
    letters.textContent = "abc";
    letters.setAttribute("aria-label", "keyboard");
    letters.setAttribute("aria-pressed", "false");
    letters.addEventListener("click", () => {
      const input = document.querySelector(".xterm-helper-textarea");
      const shown = letters.getAttribute("aria-pressed") === "true";
      letters.setAttribute("aria-pressed", String(!shown));
      input.inputMode = shown ? "none" : "text";
      input.blur();
      input.focus();
    });
    keys.append(letters);
  }

  // A finger that is drawn over the terminal turns its wheel.
  function wheel(terminal) {
    let last = null;
    terminal.addEventListener("touchstart", (event) => { last = event.touches[0].clientY; }, { passive: true });
    terminal.addEventListener("touchmove", (event) => {
      const screen = terminal.querySelector(".xterm-screen");
      const rows = terminal.querySelectorAll(".xterm-rows > div").length || 40;
      const box = screen.getBoundingClientRect();
      const cell = Math.max(8, box.height / rows);
      const { clientX, clientY } = event.touches[0];
      while (last !== null && Math.abs(clientY - last) >= cell) {
        const down = clientY > last;
        last += down ? cell : -cell;
        const column = Math.max(1, Math.ceil((clientX - box.left) / (cell / 2)));
        const row = Math.max(1, Math.ceil((clientY - box.top) / cell));
        send("stdin", `\x1b[<${down ? 64 : 65};${column};${row}M`);
      }
      event.preventDefault();
    }, { passive: false });
  }

  // The largest letters, up to those of a desk, of which as many stand in a line as the room needs.
  function size() {
    const dots = window.devicePixelRatio;
    let high = DESK;
    while (high > SMALLEST && (window.innerWidth * dots) / Math.floor(high * WIDE * dots) < COLUMNS) high -= 0.5;
    return high;
  }

  function fit() {
    const high = window.visualViewport ? window.visualViewport.height : window.innerHeight;
    const before = document.documentElement.style.getPropertyValue("--high");
    if (before === `${high}px`) return;
    document.documentElement.style.setProperty("--high", `${high}px`);
    if (window.onresize) window.onresize();
  }

  window.addEventListener("DOMContentLoaded", () => {
    const terminal = document.getElementById("terminal");
    terminal.dataset.sessionWebsocketUrl = `${location.origin.replace(/^http/, "ws")}/ws/${view}/${zone}`;
    const asked = Number(new URLSearchParams(location.search).get("fontsize"));
    terminal.dataset.fontSize = asked >= 6 && asked <= 60 ? asked : size();
    document.getElementById("again").addEventListener("click", () => location.reload());
    if (touch) {
      document.body.classList.add("touch");
      bar();
      wheel(terminal);
    }
    fit();
    if (window.visualViewport) window.visualViewport.addEventListener("resize", fit);
  });

  // The terminal measures its letters once, so they have to be there before it is.
  window.addEventListener("load", async () => {
    const letters = document.fonts.load('15px "Roboto Mono"');
    await Promise.race([letters, new Promise((done) => setTimeout(done, AGAIN))]);
    const script = document.createElement("script");
    script.src = "/static/textual.js";
    script.addEventListener("load", () => {
      window.onload(new Event("load"));
      const input = document.querySelector(".xterm-helper-textarea");
      if (touch) input.inputMode = "none";
      input.focus();
    });
    document.head.append(script);
  });
})();
