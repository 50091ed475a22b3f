
(function () {
  var HIDE = 2000, SHORTEST = 15, PER_LETTER = 0.1;
  var bar = element("div", "bar"), badge = element("span", "badge"), lane = element("div", "lane"), count = element("span", "count");
  bar.append(badge, lane, count);
  bar.setAttribute("role", "status");
  document.getElementById("stage").append(bar);
  var end = null, hide = null;

  function show(message, elapsed) {
    clearTimeout(end);
    clearTimeout(hide);
    var mood = message.style || "default", seconds = Number(message.duration) || 10;
    bar.dataset.mood = mood;
    refill(badge, [icons.make(mood)]);
    count.textContent = message.waiting > 0 ? "+" + message.waiting : "";
    Array.prototype.forEach.call(lane.querySelectorAll(".text"), leave);
    var text = element("span", "text", message.text);
    lane.append(text);
    scroll(text, seconds, elapsed / 1000);
    bar.classList.add("on");
    end = setTimeout(function () {
      link.over(message.id);
      hide = setTimeout(clear, HIDE);
    }, Math.max(0, seconds * 1000 - elapsed));
  }

  // One pass takes the longer of 15 seconds and a tenth of a second a letter. When the item is on screen for
  // less, the pass begins as far in as it must for the end of the text to be seen; when not even that is
  // enough, it runs faster.
  function scroll(text, seconds, elapsed) {
    var width = lane.clientWidth, length = text.offsetWidth, pad = 40;
    var time = Math.max(SHORTEST, PER_LETTER * text.textContent.length), way = width + length, speed = way / time;
    var first = width;
    if (seconds < time) {
      first = Math.min(Math.max(speed * seconds + width - length - pad, pad), Math.max(pad, width * 0.6));
      speed = Math.max(speed, (first + length + pad - width) / Math.max(seconds - 1, 0.5));
      time = way / speed;
    }
    text.style.setProperty("--from", width + "px");
    text.style.setProperty("--to", -length + "px");
    text.style.setProperty("--time", time + "s");
    text.style.setProperty("--ahead", -((width - first) / speed + elapsed) + "s");
  }

  function leave(text) {
    text.classList.add("leaving");
    setTimeout(function () { text.remove(); }, 260);
  }

  function clear() {
    clearTimeout(end);
    clearTimeout(hide);
    bar.classList.remove("on");
    setTimeout(function () { if (!bar.classList.contains("on")) refill(lane); }, 550);
  }

  link.start({ show: show, clear: clear });
})();
