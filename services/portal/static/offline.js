// Keeps a form that could not be sent on this device and sends it when the connection is back.
// Each form carries the key it was rendered with, so that a double tap or a repeat counts once.
(() => {
  "use strict";

  const STORE = "dure.unsent";
  const RETRY_MILLISECONDS = 15000;
  const TIMEOUT_MILLISECONDS = 15000;
  const queue = document.getElementById("offline-queue");
  if (!queue) return;
  const account = queue.dataset.account;
  const statusLine = document.getElementById("offline-status");
  const list = document.getElementById("offline-list");
  let sending = false;

  // What waits for this account; another person may use the same phone.
  const everything = () => JSON.parse(localStorage.getItem(STORE) || "[]");
  const waiting = () => everything().filter((entry) => entry.account === account);
  const keep = (entry) =>
    localStorage.setItem(STORE, JSON.stringify([...everything().filter((other) => other.key !== entry.key), entry]));
  const drop = (entry) =>
    localStorage.setItem(STORE, JSON.stringify(everything().filter((other) => other.key !== entry.key)));

  const say = (text) => {
    statusLine.textContent = text;
    queue.hidden = !text && waiting().length === 0;
  };

  const show = () => {
    list.replaceChildren(
      ...waiting().map((entry) => {
        const item = document.createElement("li");
        const label = document.createElement("span");
        label.textContent = entry.problem ? `${entry.label}: ${entry.problem}` : entry.label;
        item.append(label);
        if (entry.problem) {
          const discard = document.createElement("button");
          discard.type = "button";
          discard.className = "krds-btn small tertiary";
          discard.textContent = queue.dataset.discard;
          discard.addEventListener("click", () => {
            drop(entry);
            show();
            say("");
          });
          item.append(discard);
        }
        return item;
      }),
    );
  };

  // Sends one entry. Returns the server's answer, or null where none came.
  const post = async (entry) => {
    const body = new URLSearchParams(entry.fields);
    // The token belongs to the session, which may be a newer one than when the form was filled in.
    body.set("form_token", document.querySelector("meta[name=form-token]").content);
    try {
      const response = await fetch(entry.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return null;
    }
  };

  // Whoever still looks at the form that was sent is taken on; nobody else is torn out of what they are doing.
  const isOnThisPage = (entry) =>
    [...document.querySelectorAll("form[data-offline]")].some((form) => form.elements.key.value === entry.key);

  const hasNoSession = (answer) => answer.status === 401 || answer.body.type === "form-forged";
  const isAway = (answer) => answer === null || answer.status >= 500 || answer.status === 429;

  // Sends what waits, oldest first. Stops at the first entry the connection or the session does not carry.
  const sendAll = async () => {
    if (sending || waiting().every((entry) => entry.problem)) return;
    sending = true;
    say(queue.dataset.sending);
    let outcome = queue.dataset.sent;
    for (const entry of waiting().filter((one) => !one.problem)) {
      const answer = await post(entry);
      if (isAway(answer)) {
        outcome = queue.dataset.saved;
        break;
      }
      if (hasNoSession(answer)) {
        outcome = queue.dataset.signin;
        break;
      }
      if (answer.status < 300) {
        drop(entry);
        if (isOnThisPage(entry)) window.location.assign(answer.body.location);
      } else {
        keep({ ...entry, problem: answer.body.detail || String(answer.status) });
        outcome = queue.dataset.refused;
      }
    }
    sending = false;
    show();
    say(outcome);
  };

  // The day in Korea by this device, as YYYY-MM-DD.
  const today = () => new Date().toLocaleDateString("en-CA", { timeZone: "Asia/Seoul" });

  document.querySelectorAll("form[data-offline]").forEach((form) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // What is sent days later took effect when the button was pressed. Written down before the first attempt, so
      // that a repeat says the same.
      const on = form.elements.effective_date;
      if (on && !on.value) on.value = today();
      const button = form.querySelector("button[type=submit]");
      button.disabled = true;
      const fields = [...new FormData(form).entries()];
      const entry = { account, action: form.action, label: form.dataset.offline, key: form.elements.key.value, fields };
      say(queue.dataset.sending);
      const answer = await post(entry);
      if (isAway(answer) || hasNoSession(answer)) {
        keep(entry);
        show();
        say(isAway(answer) ? queue.dataset.saved : queue.dataset.signin);
      } else if (answer.status < 300) {
        window.location.assign(answer.body.location);
      } else {
        // A refusal is shown by the page itself, with its numbers.
        form.submit();
      }
    });
  });

  // Back to a page the browser has kept: its button works again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-offline] button[type=submit]").forEach((button) => {
      button.disabled = false;
    });
  });
  document.getElementById("offline-send").addEventListener("click", sendAll);
  window.addEventListener("online", sendAll);
  setInterval(sendAll, RETRY_MILLISECONDS);
  show();
  say(waiting().length ? queue.dataset.saved : "");
  sendAll();
})();
