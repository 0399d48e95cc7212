/* leadstream.js: page, track, identify and forms to a Leadstream collector. docs/snippet.md */
(function (w, d, n) {
  "use strict";
  var script = d.currentScript, set = script ? script.dataset : {};
  var host = set.host || (script && script.src ? new URL(script.src).origin : location.origin);
  var gpc = n.globalPrivacyControl === true;
  var decided = !set.consent, may = { storage: decided && !gpc, advertising: decided && !gpc };
  var UTM = ["source", "medium", "campaign", "term", "content", "id"];
  var CLICKS = "gclid gbraid wbraid dclid gclsrc msclkid li_fat_id fbclid ttclid twclid rdt_cid epik ScCid yclid mc_eid".split(" ");
  var FIELDS = {
    email: "email", tel: "phone", name: "name", "given-name": "firstName", "family-name": "lastName",
    organization: "company", "organization-title": "title", country: "country", "country-name": "country"
  };
  var MOST = 200, BATCH = 20, BYTES = 60000, DAY = 864e5;
  var memory = {}, queue = [], waiting = [], inFlight = 0, failures = 0, timer = 0, busy = false, silent = false;
  var ready = Promise.resolve(), opened = Date.now();

  function load(name) {
    if (may.storage) try { return JSON.parse(localStorage.getItem("ls_" + name)); } catch (e) { /* blocked or spoilt */ }
    return memory[name];
  }
  function save(name, value) {
    memory[name] = value;
    if (may.storage) try { localStorage.setItem("ls_" + name, JSON.stringify(value)); } catch (e) { /* blocked or full */ }
  }
  function forget() {
    try {
      Object.keys(localStorage).forEach(function (name) { if (!name.indexOf("ls_")) localStorage.removeItem(name); });
    } catch (e) { /* blocked */ }
  }

  function uuid7() {
    var bytes = crypto.getRandomValues(new Uint8Array(16)), at = Date.now();
    for (var i = 5; i >= 0; i--, at = Math.floor(at / 256)) bytes[i] = at % 256;
    bytes[6] = bytes[6] & 15 | 112;
    bytes[8] = bytes[8] & 63 | 128;
    return Array.from(bytes, function (b, i) {
      return (i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "") + (b + 256).toString(16).slice(1);
    }).join("");
  }
  function anonymousId() {
    var id = load("id") || uuid7();
    save("id", id);
    return id;
  }

  function address() {
    var url = new URL(location.href);
    if (!may.advertising) CLICKS.forEach(function (name) { url.searchParams.delete(name); });
    return url;
  }
  function landing() {
    var asked = address().searchParams, touch = {}, clicks = {};
    UTM.forEach(function (name) {
      if (asked.get("utm_" + name)) touch[name == "campaign" ? "name" : name] = asked.get("utm_" + name);
    });
    CLICKS.forEach(function (name) { if (asked.get(name)) clicks[name] = asked.get(name); });
    if (Object.keys(clicks).length) touch.clickIds = clicks;
    return Object.keys(touch).length ? touch : null;
  }
  function remember() {
    var touch = landing(), from = d.referrer && new URL(d.referrer).host != location.host ? d.referrer : "";
    if (!touch && !from) return;
    touch = Object.assign({ at: new Date().toISOString(), referrer: from, path: location.pathname }, touch);
    if (!load("first")) save("first", touch);
    save("last", touch);
  }

  function send(type, fields, touches) {
    if (silent) return;
    var url = address(), campaign = landing();
    var context = {
      page: { path: url.pathname, search: url.search, url: url.href, title: d.title, referrer: d.referrer },
      locale: n.language, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      library: { name: "leadstream.js", version: "1" },
      consent: { categoryPreferences: { advertising: may.advertising } }
    };
    if (campaign) context.campaign = campaign;
    if (touches) context.touch = { first: load("first"), last: load("last") };
    queue.push(Object.assign({
      type: type, messageId: uuid7(), anonymousId: anonymousId(), userId: load("user") || undefined,
      originalTimestamp: new Date().toISOString(), context: context
    }, fields));
    if (queue.length > MOST) queue.splice(inFlight, queue.length - MOST);
    save("queue", queue);
    later(0);
  }

  function body(most) {
    var batch = [], length = 100, sentAt = new Date().toISOString();
    for (var i = inFlight; i < queue.length && batch.length < most; i++) {
      length += new Blob([JSON.stringify(queue[i])]).size + 1;
      if (batch.length && length > BYTES) break;
      batch.push(queue[i]);
    }
    return { count: batch.length, text: JSON.stringify({ writeKey: set.key, sentAt: sentAt, batch: batch }) };
  }
  function later(wait) {
    if (!timer) timer = setTimeout(function () { timer = 0; flush(); }, wait);
  }
  function post(path, text) {
    return fetch(host + path, {
      method: "POST", keepalive: true, credentials: "include", headers: { "Content-Type": "text/plain" }, body: text
    });
  }
  function flush() {
    if (busy || !queue.length) return;
    busy = true;
    ready.then(function () {
      var part = body(BATCH);
      inFlight = part.count;
      return part.count ? post("/v1/batch", part.text) : { status: 200 };
    }).then(function (answer) {
      if (answer.status == 408 || answer.status == 429 || answer.status >= 500) throw answer;
      queue.splice(0, inFlight);
      save("queue", queue);
      busy = false;
      failures = inFlight = 0;
      if (queue.length) later(0);
    }).catch(function (trouble) {
      var asked = trouble.headers ? 1e3 * trouble.headers.get("Retry-After") || 0 : 0;
      busy = false;
      inFlight = 0;
      later(Math.max(asked, Math.random() * Math.min(6e4, 1e3 * Math.pow(2, failures++))));
    });
  }
  function leave() {
    for (var part = body(BATCH); part.count; part = body(BATCH)) {
      if (!n.sendBeacon || !n.sendBeacon(host + "/v1/batch", new Blob([part.text], { type: "text/plain" }))) return;
      queue.splice(inFlight, part.count);
      save("queue", queue);
    }
  }

  function visitor() {
    if (!may.storage || Date.now() - (load("synced") || 0) < DAY) return;
    var told = post("/v1/visitor", JSON.stringify({ writeKey: set.key, anonymousId: anonymousId(), consented: true }))
      .then(function (answer) { return answer.json(); })
      .then(function (answer) {
        if (!answer.anonymousId) return;
        queue.forEach(function (event, i) { if (i >= inFlight) event.anonymousId = answer.anonymousId; });
        save("id", answer.anonymousId);
        save("synced", Date.now());
      }).catch(function () { /* the id of this browser serves until the collector is back */ });
    ready = Promise.race([told, new Promise(function (go) { setTimeout(go, 2e3); })]);
  }
  function start() {
    if (may.storage) {
      if (memory.id && !load("id")) save("id", memory.id);
      var left = load("queue");
      if (left && left != queue) queue = left.concat(queue).slice(-MOST);
    }
    remember();
    visitor();
    waiting.splice(0).forEach(function (call) { api[call[0]].apply(null, call[1]); });
    later(0);
  }
  function once(name, work) {
    return function () {
      if (decided) work.apply(null, arguments);
      else if (waiting.length < MOST) waiting.push([name, arguments]);
    };
  }

  var api = {
    page: once("page", function (name, properties) {
      send("page", { name: name, properties: Object.assign({ url: address().href }, properties) });
    }),
    track: once("track", function (event, properties) { send("track", { event: event, properties: properties || {} }); }),
    identify: once("identify", function (user, traits) {
      if (typeof user == "object") { traits = user; user = ""; }
      if (user) save("user", String(user));
      send("identify", { traits: traits || {} }, true);
    }),
    form: once("form", function (event, properties) { send("track", { event: event, properties: properties }, true); }),
    consent: function (given) {
      may = { storage: !!given.storage, advertising: !!given.advertising && !gpc };
      if (!may.storage) forget();
      decided = true;
      silent = given.analytics === false;
      if (silent) { queue = []; waiting = []; return; }
      start();
    },
    reset: function () { memory = {}; queue = []; forget(); }
  };
  api.push = function (call) { api[call[0]].apply(null, [].slice.call(call, 1)); };

  d.addEventListener("submit", function (happening) {
    var form = happening.target, data = form.dataset, traits = {}, trapped = false;
    if (!data || data.leadstream === undefined) return;
    Array.from(form.elements).forEach(function (field) {
      if (field.dataset.leadstreamTrap !== undefined) { trapped = trapped || !!field.value; return; }
      if (!field.value || /^(password|hidden|file|submit|button)$/.test(field.type)) return;
      if (/^(checkbox|radio)$/.test(field.type) && !field.checked) return;
      var name = field.dataset.leadstreamField || FIELDS[field.autocomplete] || FIELDS[field.type];
      if (name) traits[name] = field.value;
    });
    var seen = { form_id: form.id || form.name, elapsed_ms: Date.now() - opened };
    if (trapped) seen.trap = true;
    api.form(data.leadstream || "Form Submitted", Object.assign(seen, traits));
    if (traits.email && !trapped) api.identify(traits);
  }, true);
  d.addEventListener("visibilitychange", function () { if (d.visibilityState == "hidden") leave(); });
  w.addEventListener("pagehide", leave);
  w.addEventListener("online", function () { failures = 0; flush(); });

  var early = Array.isArray(w.leadstream) ? w.leadstream : [];
  w.leadstream = api;
  if (gpc && decided) forget();
  if (decided) start();
  if (set.page != "off") api.page();
  early.forEach(api.push);
  if (typeof w[set.consent] == "function") w[set.consent](api.consent);
})(window, document, navigator);
