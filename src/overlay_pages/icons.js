
var icons = (function () {
  var PATHS = {
    urgent: "M12 3 2 20h20L12 3zm0 7v4m0 3v.01",
    alert: "M12 3 2 20h20L12 3zm0 7v4m0 3v.01",
    warning: "M12 8v5m0 3v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
    info: "M12 11v5m0-8v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
    success: "M8 12.5l2.7 2.7L16 9.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
    announcement: "M4 10v4h3l8 4V6L7 10H4zm14-1a4 4 0 0 1 0 6",
    form: "M6 4h12v16H6zM9 9h6m-6 4h6m-6 4h3",
    shoutout: "M12 3l2.6 5.6 6.1.7-4.5 4.2 1.2 6-5.4-3-5.4 3 1.2-6L3.3 9.3l6.1-.7z",
    default: "M5 5h14v10H9l-4 4V5zm4 4h6m-6 3h4"
  };
  function make(name) {
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    var path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", PATHS[name] || PATHS.default);
    svg.appendChild(path);
    return svg;
  }
  return { make: make };
})();

function element(tag, name, text) {
  var made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

// Takes out what is in it and puts these in: older OBS browsers have no word for it.
function refill(into, parts) {
  while (into.firstChild) into.removeChild(into.firstChild);
  (parts || []).forEach(function (part) { into.appendChild(part); });
}
