
// The page's end of the wire: connects, comes back after any outage, says what it shows.
var link = (function () {
  var VERSION = "PAGE_VERSION";
  var FIRST = 1000, LONGEST = 5000, REFUSED = 60000, PING = 30000, SILENT = 45000, RELOAD = 300000;
  var socket = null, timer = null, tries = 0, heard = 0, closed = false;
  var screen = null, shown = null, past = [];

  function start(given) {
    screen = given;
    setInterval(pulse, 5000);
    window.addEventListener("online", now);
    window.addEventListener("obsSourceActiveChanged", function (event) { if (event.detail && event.detail.active) refresh(); });
    document.addEventListener("visibilitychange", function () { if (!document.hidden) refresh(); });
    window.addEventListener("error", function (event) { say({ type: "error", error: String(event.message).slice(0, 300) }); });
    connect();
  }

  function address() {
    var path = location.pathname.replace("/browser/source/", "/ws/").replace(/\/+$/, "");
    return (location.protocol === "https:" ? "wss://" : "ws://") + location.host + path + (shown ? "?holds=1" : "");
  }

  function connect() {
    clearTimeout(timer);
    timer = null;
    var mine;
    try { mine = new WebSocket(address()); } catch (error) { return later(false); }
    socket = mine;
    heard = Date.now();
    mine.onmessage = function (event) {
      if (mine !== socket) return;
      heard = Date.now();
      var message;
      try { message = JSON.parse(event.data); } catch (error) { return; }
      take(message);
    };
    mine.onclose = function (event) {
      if (mine !== socket) return;
      socket = null;
      // The address is no longer good: nothing of it may stay on the stream.
      if (event.code === 1008) clear();
      later(event.code === 1008);
    };
  }

  function later(refused) {
    var wait = refused ? REFUSED : Math.min(FIRST * Math.pow(2, tries), LONGEST);
    tries += 1;
    clearTimeout(timer);
    timer = setTimeout(connect, wait * (0.75 + Math.random() * 0.5));
  }

  function now() {
    if (!socket) connect();
  }

  function refresh() {
    if (socket && socket.readyState === WebSocket.OPEN) say({ type: "ping", timestamp: Date.now() });
    else now();
  }

  var pinged = Date.now();
  function pulse() {
    var time = Date.now();
    if (!socket) return;
    if (time - heard > SILENT) {
      // A cut cable closes nothing by itself.
      var dead = socket;
      socket = null;
      dead.close();
      later(false);
    } else if (time - pinged >= PING) {
      pinged = time;
      say({ type: "ping", timestamp: time });
    }
  }

  function take(message) {
    switch (message.type) {
      case "connected":
        tries = 0;
        if (message.page && message.page !== VERSION && mayReload()) location.reload();
        break;
      case "clear":
        clear();
        break;
      case "ticker":
      case "media":
      case "general":
        show(message);
        break;
    }
  }

  function mayReload() {
    try {
      var last = Number(sessionStorage.getItem("reloaded") || 0);
      if (Date.now() - last < RELOAD) return false;
      sessionStorage.setItem("reloaded", String(Date.now()));
      return true;
    } catch (error) { return false; }
  }

  function show(message) {
    var again = shown === message.id, over = past.indexOf(message.id) >= 0;
    if (!again && !over) {
      shown = message.id;
      try {
        screen.show(message, Math.max(0, Number(message.elapsed) || 0));
      } catch (error) {
        say({ type: "error", error: String(error).slice(0, 300) });
      }
    }
    // Acknowledged once it is painted.
    requestAnimationFrame(function () { say({ type: "ack", id: message.id }); });
  }

  // What is over is remembered: the same item is never shown twice by one page.
  function over(id) {
    past.push(id);
    if (past.length > 200) past.shift();
    if (shown === id) shown = null;
  }

  function clear() {
    if (shown) over(shown);
    screen.clear();
  }

  function say(message) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  return { start: start, over: over, say: say };
})();
