// What the pages do better with a script: copy, follow a room live, refresh the inspector. All works without it.
"use strict";

document.documentElement.classList.add("script");

const two = (number) => String(number).padStart(2, "0");

function localTime(element) {
  const at = new Date(element.dateTime);
  if (!Number.isNaN(at.getTime())) {
    element.textContent = `${two(at.getHours())}:${two(at.getMinutes())}`;
    element.title = at.toLocaleString();
  }
}

function copying(button) {
  const label = button.textContent;
  let back;
  button.addEventListener("click", async () => {
    clearTimeout(back);
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      // No permission, or no https: show it, ready to be copied by hand.
      const panel = button.closest(".panel");
      const address = panel.querySelector(".address");
      address.closest("details").open = true;
      address.select();
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    }
    back = setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// After a restart of the bot one may have to log in anew: the page that says so is shown then.
async function loggedIn() {
  try {
    const answer = await fetch("/actors.json?find=-", { headers: { Accept: "application/json" } });
    if (answer.status === 401) location.reload();
    return answer.status !== 401;
  } catch {
    return true;
  }
}

function chatting(chat) {
  const lines = chat.querySelector("[data-lines]");
  const empty = chat.querySelector("[data-empty]");
  const state = chat.querySelector("[data-state]");
  const pattern = chat.querySelector("[data-line]");
  const say = chat.querySelector("[data-say]");
  const happen = chat.querySelector("[data-happen]");
  const failure = chat.querySelector("[data-failure]");
  const longest = 500;
  let after = Number(chat.dataset.after);

  const tell = (word, kind) => { state.textContent = word; state.className = `state ${kind}`; };
  const toEnd = () => { lines.scrollTop = lines.scrollHeight; };
  toEnd();

  function show(line) {
    if (line.number <= after) return;
    after = line.number;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    const item = pattern.content.firstElementChild.cloneNode(true);
    const [time, name, role, text] = item.children;
    time.dateTime = new Date(line.at).toISOString();
    localTime(time);
    name.textContent = line.name;
    role.textContent = line.role ?? "bot";
    role.classList.add(line.role ?? "bot");
    text.textContent = line.text;
    if (line.event) item.classList.add("event");
    else if (line.role === null) item.classList.add("bot");
    item.classList.add("new");
    lines.append(item);
    while (lines.children.length > longest) lines.firstElementChild.remove();
    empty.hidden = true;
    if (atEnd) toEnd();
  }

  function follow() {
    const source = new EventSource(`${chat.dataset.live}?room=${encodeURIComponent(chat.dataset.room)}&after=${after}`);
    source.onopen = () => tell("live", "good");
    source.onmessage = (event) => show(JSON.parse(event.data));
    source.onerror = () => {
      tell("waiting for the bot", "lost");
      if (source.readyState === EventSource.CLOSED) {
        source.close();
        setTimeout(again, 3000);
      }
    };
    // A page that is put away gives its place to another.
    addEventListener("pagehide", () => source.close(), { once: true });
  }
  async function again() {
    if (await loggedIn()) follow();
  }
  follow();
  addEventListener("pageshow", (event) => { if (event.persisted) follow(); });

  // One after the other: what is typed fast arrives as it was typed.
  let sent = Promise.resolve();
  function send(form, body) {
    sent = sent.then(() => post(form, body));
    return sent;
  }

  async function post(form, body) {
    failure.hidden = true;
    let why = "The bot cannot be reached.";
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        redirect: "error",
      });
      if (answer.ok) return true;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      why = page.querySelector("main p")?.textContent ?? why;
    } catch { /* told below */ }
    failure.textContent = why;
    failure.hidden = false;
    return false;
  }

  // Read before the field is emptied for the next line.
  const filled = (form, submitter) => new URLSearchParams(new FormData(form, submitter));

  say.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = say.elements.text;
    const said = text.value;
    const body = filled(say, event.submitter);
    text.value = "";
    // Now and not later: one may be typing elsewhere when the answer comes.
    text.focus();
    toEnd();
    if (!await send(say, body) && text.value === "") text.value = said;
  });
  happen.addEventListener("submit", (event) => {
    event.preventDefault();
    toEnd();
    send(happen, filled(happen, event.submitter));
  });
}

function inspecting(view) {
  const body = view.querySelector("[data-rows]");
  const state = view.querySelector("[data-state]");
  const empty = view.querySelector("[data-empty]");
  const count = view.querySelector("[data-count]");
  const quiet = view.querySelector("[data-silent]");
  const address = `${view.dataset.actors}?find=${encodeURIComponent(view.dataset.find)}`;
  const numbers = ["mailbox", "handled", "rate", "p50", "p99", "restarts", "epoch"];

  function fresh() {
    const row = document.createElement("tr");
    for (let cell = 0; cell < 12; cell += 1) row.append(document.createElement("td"));
    row.children[0].append(document.createElement("a"));
    row.children[3].append(document.createElement("span"));
    for (let cell = 4; cell < 11; cell += 1) row.children[cell].className = "number";
    row.children[11].className = "error";
    return row;
  }
  // Rows are written over in place, so that focus and selection stay where they are.
  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function fill(row, actor) {
    const [key, node, kind, live] = row.children;
    key.className = `key depth-${Math.min(actor.depth, 6)}`;
    put(key.firstElementChild, actor.key);
    key.firstElementChild.href = `/actors/${encodeURIComponent(actor.key)}?node=${encodeURIComponent(actor.node)}`;
    put(node, actor.node);
    put(kind, actor.kind);
    put(live.firstElementChild, actor.state);
    live.firstElementChild.className = `state ${actor.state}`;
    numbers.forEach((name, index) => put(row.children[4 + index], String(actor[name])));
    put(row.children[11], actor.error);
  }
  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (answer.status === 401) location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      const { rows, found, total, silent } = await answer.json();
      while (body.children.length < rows.length) body.append(fresh());
      while (body.children.length > rows.length) body.lastElementChild.remove();
      rows.forEach((actor, index) => fill(body.children[index], actor));
      empty.hidden = rows.length > 0;
      quiet.hidden = silent.length === 0;
      put(quiet, silent.join("; "));
      count.textContent = `${rows.length < found ? `the first ${rows.length} of ` : ""}${found}${found === total ? "" : ` of ${total}`}`;
      state.textContent = "live";
      state.className = "state good";
    } catch {
      state.textContent = "waiting for the bot";
      state.className = "state lost";
    }
  }
  setInterval(refresh, 1000);
  refresh();
}

document.querySelectorAll("time[datetime]").forEach(localTime);
document.querySelectorAll("[data-copy]").forEach(copying);
document.querySelectorAll("[data-live]").forEach(chatting);
document.querySelectorAll("[data-actors]").forEach(inspecting);
