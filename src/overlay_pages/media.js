
(function () {
  var FADE = 500;
  var MARKS = {
    spotify: ["Spotify", "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm4.6 14.4a.7.7 0 0 1-.9.2c-2.5-1.5-5.6-1.9-9.2-1a.7.7 0 1 1-.3-1.3c4-.9 7.4-.5 10.2 1.2.3.2.4.6.2.9zm1.2-2.7a.8.8 0 0 1-1.1.3c-2.8-1.8-7.2-2.3-10.5-1.2a.8.8 0 0 1-.5-1.6c3.9-1.1 8.6-.6 11.8 1.4.4.2.5.7.3 1.1zm.1-2.9C14.5 8.8 9 8.6 5.8 9.600a1 1 0 1 1-.6-1.800c3.7-1.1 9.7-.9 13.6 1.400a1 1 0 0 1-.9 1.600z"],
    youtube: ["YouTube", "M22 8.200a3 3 0 0 0-2.1-2.100C18 5.5 12 5.5 12 5.500s-6 0-7.9.6A3 3 0 0 0 2 8.2 31 31 0 0 0 1.5 12a31 31 0 0 0 .5 3.8 3 3 0 0 0 2.1 2.100c1.9.6 7.9.6 7.9.6s6 0 7.9-.6a3 3 0 0 0 2.1-2.1 31 31 0 0 0 .5-3.8 31 31 0 0 0-.5-3.800zM10 15V9l5.2 3L10 15z"],
    soundcloud: ["SoundCloud", "M1 14h1v3H1zm2-2h1v5H3zm2-1h1v6H5zm2-2h1v8H7zm2-2h1v10H9zm2-1c4-1 7 1 7.5 5H20a3 3 0 0 1 0 6h-9z"],
    apple_music: ["Apple Music", "M9 18a3 3 0 1 1-2-2.800V5l12-2v12a3 3 0 1 1-2-2.800V7l-8 1.500z"]
  };
  var card = element("div", "card");
  document.getElementById("stage").append(card);
  var end = null, tick = null, track = "";

  function show(message, elapsed) {
    var data = message.media_data || {}, same = trackOf(message) === track && card.classList.contains("on");
    clearTimeout(end);
    clearInterval(tick);
    card.dataset.service = data.service || "";
    card.dataset.type = message.media_type;
    if (!same) {
      track = trackOf(message);
      refill(card, message.media_type === "music" ? song(message, data) : film(message, data));
    }
    progress(data, elapsed, same);
    card.classList.add("on");
    end = setTimeout(function () {
      link.over(message.id);
      clear();
    }, Math.max(0, (Number(message.duration) || 30) * 1000 - elapsed));
  }

  function trackOf(message) {
    var data = message.media_data || {};
    return [message.media_type, message.media_url, data.title, data.artist, data.album_art].join("\n");
  }

  function song(message, data) {
    var box = element("div", "song"), art = element("div", "art", "\u266a"), words = element("div", "words");
    picture(art, data.album_art || message.media_url);
    words.append(element("div", "title", data.title || "Unknown title"));
    if (data.artist) words.append(element("div", "artist", data.artist));
    if (data.album) words.append(element("div", "album", data.album));
    words.append(foot(data));
    box.append(art, words);
    return [box, progressBar()];
  }

  function film(message, data) {
    var shown;
    if (message.media_type === "video") {
      shown = element("video", "picture");
      shown.autoplay = true;
      shown.volume = 0.5;
      shown.playsInline = true;
      shown.src = message.media_url;
      shown.addEventListener("error", function () { link.say({ type: "error", error: "the video cannot be played" }); });
    } else {
      shown = element("img", "picture");
      shown.alt = "";
      shown.src = message.media_url;
      shown.addEventListener("error", function () { shown.remove(); link.say({ type: "error", error: "the picture cannot be loaded" }); });
    }
    var parts = [shown];
    if (data.title || data.artist || data.requested_by) {
      var under = element("div", "under words");
      if (data.title) under.append(element("div", "title", data.title));
      if (data.artist) under.append(element("div", "artist", data.artist));
      under.append(foot(data));
      parts.push(under);
    }
    if (data.duration) parts.push(progressBar());
    return parts;
  }

  function picture(into, address) {
    if (!address) return;
    var image = element("img");
    image.alt = "";
    image.addEventListener("error", function () { image.remove(); });
    image.src = address;
    into.append(image);
  }

  function foot(data) {
    var line = element("div", "foot"), mark = MARKS[data.service];
    if (mark) {
      var sign = element("span", "mark"), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 24 24");
      var path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", mark[1]);
      svg.append(path);
      sign.append(svg, document.createTextNode(mark[0]));
      line.append(sign);
    }
    line.append(element("span", "by", "Requested by " + (data.requested_by || "System")));
    return line;
  }

  function progressBar() {
    var bar = element("div", "progress"), lane = element("div", "track");
    lane.append(element("div", "fill"));
    bar.append(element("span", "at"), lane, element("span", "length"));
    return bar;
  }

  // Counted forward here each second; the next update corrects it.
  function progress(data, elapsed, same) {
    var bar = card.querySelector(".progress"), length = Number(data.duration) || 0;
    if (!bar) return;
    bar.hidden = length <= 0;
    bar.style.display = length > 0 ? "" : "none";
    if (length <= 0) return;
    var began = Date.now() - elapsed - (Number(data.progress) || 0), still = data.playing === false;
    var fixed = (Number(data.progress) || 0), fill = bar.querySelector(".fill");
    function paint() {
      var at = Math.min(length, still ? fixed : Date.now() - began);
      bar.querySelector(".at").textContent = clock(at);
      fill.style.width = (100 * at / length).toFixed(2) + "%";
    }
    bar.querySelector(".length").textContent = clock(length);
    fill.classList.add("still");
    paint();
    void fill.offsetWidth;
    fill.classList.remove("still");
    if (!still) tick = setInterval(paint, 1000);
  }

  function clock(millis) {
    var seconds = Math.floor(millis / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    var two = function (number) { return (number < 10 ? "0" : "") + number; };
    return hours ? hours + ":" + two(minutes % 60) + ":" + two(seconds % 60) : minutes + ":" + two(seconds % 60);
  }

  function clear() {
    clearTimeout(end);
    clearInterval(tick);
    card.classList.remove("on");
    track = "";
    setTimeout(function () { if (!card.classList.contains("on")) refill(card); }, FADE + 50);
  }

  link.start({ show: show, clear: clear });
})();
