// The token in an address stands behind a '#': no browser sends that to a server, and no proxy writes it down.
"use strict";
(() => {
  const form = document.getElementById("entrance");
  const token = document.getElementById("token");
  const why = document.getElementById("why");

  async function enter() {
    why.textContent = "";
    let answer;
    try {
      answer = await fetch("/enter", {
        method: "POST",
        body: new URLSearchParams({ token: token.value }),
        redirect: "manual",
        credentials: "same-origin",
      });
    } catch {
      why.textContent = "The server does not answer.";
      return;
    }
    if (answer.type === "opaqueredirect") {
      location.replace(location.pathname);
    } else {
      token.value = "";
      token.focus();
      why.textContent = answer.status === 429 ? "Too many are trying: wait a little." : "This is not the token.";
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });

  function given() {
    const named = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    token.value = named;
    enter();
  }

  // Who comes by a link from elsewhere does not bring the cookie; who asks from here does.
  async function known() {
    const answer = await fetch("/alive", { cache: "no-store" });
    if (answer.status === 204) location.replace(location.pathname);
  }

  window.addEventListener("hashchange", given);
  if (location.hash.length > 1) given();
  else known().catch(() => {});
})();
