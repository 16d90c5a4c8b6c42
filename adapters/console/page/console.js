import { CALLS, curlOf, requestOf } from "./calls.js";
import { TEXTS } from "./texts.js";

const find = (id) => document.getElementById(id);

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

// What is shown, from which the page is drawn anew when the language changes.
const state = {
  language: "en",
  user: undefined,
  friends: [],
  groups: [],
  picked: undefined,
  inbox: [],
};

const say = (key, values = {}) =>
  TEXTS[state.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

const ask = async (path, body) => {
  const answer = await fetch(`/console/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) {
    throw new Error(told.message);
  }
  return told;
};

const call = ({ method, path, body }) =>
  fetch(path, {
    method,
    headers: {
      ...(state.user?.token === undefined ? {} : { authorization: `Bearer ${state.user.token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
  });

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

/** Runs what a control is for; a fault is told where the session is. */
const on = (id, event, run) =>
  find(id).addEventListener(event, async (happened) => {
    happened.preventDefault();
    try {
      const form = event === "submit" ? happened.currentTarget : happened.currentTarget.form;
      await run(form === null ? {} : Object.fromEntries(new FormData(form)));
    } catch (fault) {
      find("session").textContent = fault instanceof Error ? fault.message : say("failed");
    }
  });

const named = ({ id, spelled }) => (id === spelled ? id : `${id} (${spelled})`);

const conversationOf = ({ type, target }) => ({
  conversationType: type === "PRIVATE" ? 1 : 3,
  targetId: target.spelled,
});

const setSwitch = (status) => {
  find("status").setAttribute("aria-checked", String(status === 1));
};

const readStatus = async () => {
  const body = JSON.stringify(conversationOf(state.picked));
  const answer = await call({ method: "POST", path: "/misc/get_screen_capture", body });
  const { result } = await answer.json();
  find("status").disabled = result === undefined;
  setSwitch(result?.status);
};

/** Names a conversation: the forms take it over. */
const pick = async (type, target) => {
  state.picked = { type, target };
  for (const field of document.querySelectorAll("#calls [name=targetId]")) {
    field.value = target.spelled;
  }
  for (const field of document.querySelectorAll("#calls [name=conversationType]")) {
    const values = [...field.options].map(({ value }) => value);
    field.value = values.includes(type) ? type : type === "PRIVATE" ? "1" : "3";
  }
  draw();
  await readStatus();
};

const choice = (type, target, note = "") =>
  make(
    "li",
    {},
    make("button", {
      type: "button",
      textContent: named(target),
      onclick: () => pick(type, target),
    }),
    note === "" ? "" : ` ${note}`,
  );

const listOf = (items) => (items.length === 0 ? [make("li", { textContent: say("none") })] : items);

const draw = () => {
  document.documentElement.lang = state.language;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = say(element.dataset.text);
  }
  find("language").textContent = say("other");
  find("language").lang = state.language === "en" ? "zh" : "en";
  find("people").hidden = state.user === undefined;
  if (state.user !== undefined) {
    find("session").textContent =
      state.user.token === undefined ? say("noToken", state.user) : say("signedIn", state.user);
  }
  find("friends").replaceChildren(
    ...(state.friends === undefined
      ? [make("li", { textContent: say("noDirectory") })]
      : listOf(state.friends.map((friend) => choice("PRIVATE", friend)))),
  );
  find("groups").replaceChildren(
    ...listOf(
      state.groups.map(({ group, members }) =>
        choice(
          "GROUP",
          group,
          members && say("members", { members: members.map(named).join(", ") }),
        ),
      ),
    ),
  );
  find("conversation").textContent =
    state.picked === undefined
      ? say("pick")
      : say("picked", { type: state.picked.type, target: named(state.picked.target) });
};

const showFriends = async () => {
  state.friends = (await ask("friends", { user: state.user.id })).people;
  draw();
};

const showGroup = async (group) => {
  const [spelled, { people: members }] = await Promise.all([
    ask("group", { group }),
    ask("members", { group }),
  ]);
  state.groups = [
    ...state.groups.filter((one) => one.group.id !== group),
    { group: spelled, members },
  ];
  draw();
};

on("sign-in", "submit", async ({ user }) => {
  state.user = await ask("session", { user });
  state.picked = undefined;
  find("status").disabled = true;
  setSwitch(0);
  await showFriends();
});

on("befriend", "submit", async ({ other }) => {
  await ask("befriend", { user: state.user.id, other });
  await showFriends();
});

on("join", "submit", async ({ group }) => {
  await ask("join", { group, user: state.user.id });
  await showGroup(group);
});

on("look", "click", ({ group }) => (group === "" ? undefined : showGroup(group)));

on("status", "click", async () => {
  const noticeStatus = find("status").getAttribute("aria-checked") === "true" ? 0 : 1;
  const body = JSON.stringify({ ...conversationOf(state.picked), noticeStatus });
  const answer = await call({ method: "POST", path: "/misc/set_screen_capture", body });
  if (answer.ok) {
    setSwitch(noticeStatus);
  }
});

on("language", "click", () => {
  state.language = state.language === "en" ? "zh" : "en";
  localStorage.setItem("language", state.language);
  draw();
  find("inbox").replaceChildren(...state.inbox.map(received));
});

const fieldOf = ({ name, value, options, optional }) => {
  const control =
    options === undefined
      ? make("input", { name, value, required: !optional, autocomplete: "off", spellcheck: false })
      : make(
          "select",
          { name },
          ...options.map((option) => make("option", { textContent: option })),
        );
  control.value = value;
  return make("label", {}, make("span", { textContent: name }), control);
};

const headersIn = (answer) =>
  [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");

const formOf = (one) => {
  const request = make("pre", { tabIndex: 0 });
  const answer = make("pre", { tabIndex: 0 });
  request.setAttribute("role", "group");
  answer.setAttribute("role", "status");
  const send = make("button");
  send.dataset.text = "send";
  const form = make("form", {}, ...one.fields.map(fieldOf), send);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = requestOf(one, Object.fromEntries(new FormData(form)));
    request.textContent = curlOf(asked, state.user?.token ?? "");
    request.setAttribute("aria-label", say("request"));
    answer.setAttribute("aria-label", say("answer"));
    try {
      const got = await call(asked);
      const text = await got.text();
      answer.textContent = `${got.status} ${got.statusText}\n${headersIn(got)}\n\n${pretty(text)}`;
    } catch {
      answer.textContent = say("failed");
    }
  });
  return make(
    "details",
    {},
    make("summary", { textContent: `${one.method} ${one.path}` }),
    form,
    request,
    answer,
  );
};

find("calls").append(...CALLS.map(formOf));

const entry = (name, value) => [
  make("dt", { textContent: name }),
  make("dd", { textContent: value }),
];

const received = ({ at, message }) =>
  make(
    "li",
    {},
    make("time", {
      dateTime: new Date(at).toISOString(),
      textContent: new Date(at).toLocaleTimeString(),
    }),
    make(
      "dl",
      {},
      ...entry(say("from"), message.senderId),
      ...entry(say("to"), message.targetId),
      ...entry(say("type"), message.conversationType),
      ...entry(say("objectName"), message.objectName),
    ),
    make("pre", { textContent: pretty(message.content) }),
  );

const MOST_SHOWN = 200;
const events = new EventSource("/console/inbox");

const showConnection = (key) => {
  find("inbox-state").dataset.text = key;
  find("inbox-state").textContent = say(key);
};
events.addEventListener("open", () => showConnection("live"));
events.addEventListener("error", () => showConnection("waiting"));
events.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  state.inbox = [message, ...state.inbox].slice(0, MOST_SHOWN);
  find("inbox").prepend(received(message));
  while (find("inbox").children.length > MOST_SHOWN) {
    find("inbox").lastElementChild.remove();
  }
});

const wanted = localStorage.getItem("language") ?? navigator.language;
state.language = wanted.startsWith("zh") ? "zh" : "en";
draw();
