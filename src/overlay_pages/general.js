
(function () {
  var FADE = 400, THANKS = 3000, BOXED = ["announcement", "alert", "form"];
  var stage = document.getElementById("stage"), panel = null, end = null;

  function show(message, elapsed) {
    clearTimeout(end);
    var style = message.style || {}, mood = style.type || (message.content_type === "html" ? "" : message.content_type);
    leave(panel);
    if (message.content_type !== "form" && !String(message.content || "").trim() && !style.title) {
      panel = null;
      return;
    }
    panel = element("div", "panel");
    var boxed = BOXED.indexOf(message.content_type) >= 0 || Boolean(style.type) || Boolean(style.title);
    panel.classList.add(boxed ? "boxed" : "bare");
    panel.dataset.mood = mood || "default";
    panel.dataset.item = message.id;
    if (style.accent) panel.style.setProperty("--accent", style.accent);
    var form = message.content_type === "form" ? message.form_data || {} : null;
    var title = style.title || (form && form.title) || "";
    if (title) {
      var head = element("div", "head");
      head.append(icons.make(mood || "default"), element("span", "", title));
      panel.append(head);
    }
    if (message.content) {
      var body = element("div", "body");
      // Sanitised by the bot; and whatever slipped through could not run under this page's policy.
      body.innerHTML = message.content;
      panel.append(body);
    }
    if (form) {
      panel.classList.add("asks");
      panel.append(asked(form, message.id));
    }
    stage.append(panel);
    void panel.offsetWidth;
    panel.classList.add("on");
    if (message.duration > 0) {
      end = setTimeout(function () { finish(message.id); }, Math.max(0, message.duration * 1000 - elapsed));
    }
  }

  function finish(id) {
    link.over(id);
    clear();
  }

  function leave(old) {
    if (!old) return;
    old.classList.remove("on");
    old.style.position = "absolute";
    setTimeout(function () { old.remove(); }, FADE);
  }

  function clear() {
    clearTimeout(end);
    leave(panel);
    panel = null;
  }

  function asked(form, id) {
    var box = element("form", "");
    box.noValidate = false;
    if (form.description) box.append(element("p", "", form.description));
    (form.fields || []).forEach(function (field) { box.append(row(field)); });
    var buttons = element("div", "buttons"), cancel = element("button", "quiet", "Cancel"), send = element("button", "", "Submit");
    cancel.type = "button";
    send.type = "submit";
    cancel.addEventListener("click", function () { link.say({ type: "analytics", event_type: "interaction", event_data: { action: "cancel", id: id } }); finish(id); });
    box.addEventListener("submit", function (event) {
      event.preventDefault();
      link.say({ type: "form_submit", id: id, form_data: answers(box, form.fields || []), timestamp: Date.now() });
      thank(id);
    });
    buttons.append(cancel, send);
    box.append(buttons);
    return box;
  }

  function thank(id) {
    clearTimeout(end);
    refill(panel, [element("div", "thanks", "Thank you!")]);
    end = setTimeout(function () { finish(id); }, THANKS);
  }

  function row(field) {
    var many = field.type === "radio" || field.type === "multiselect" || (field.type === "checkbox" && (field.options || []).length > 1);
    if (field.type === "checkbox" && !many) return single(field);
    var box = element(many ? "fieldset" : "label", "field"), label = element(many ? "legend" : "span", "", field.label || field.name);
    if (field.required) label.append(element("span", "must", " *"));
    if (field.type !== "hidden") box.append(label);
    if (many) {
      (field.options || []).forEach(function (option) {
        var choice = element("label", "choice"), input = element("input");
        input.type = field.type === "radio" ? "radio" : "checkbox";
        input.name = field.name;
        input.value = option;
        input.required = field.type === "radio" && Boolean(field.required);
        choice.append(input, document.createTextNode(option));
        box.append(choice);
      });
      return box;
    }
    var input = element(field.type === "textarea" ? "textarea" : field.type === "select" ? "select" : "input");
    if (field.type === "select") {
      (field.options || []).forEach(function (option) {
        var made = element("option", "", option);
        made.value = option;
        input.append(made);
      });
    } else if (field.type !== "textarea") {
      input.type = field.type;
    }
    input.name = field.name;
    input.required = Boolean(field.required) && field.type !== "hidden";
    box.append(input);
    if (field.type === "hidden") box.style.display = "none";
    return box;
  }

  function single(field) {
    var choice = element("label", "choice"), input = element("input"), label = element("span", "", field.label || field.name);
    input.type = "checkbox";
    input.name = field.name;
    input.value = "yes";
    input.required = Boolean(field.required);
    if (field.required) label.append(element("span", "must", " *"));
    choice.append(input, label);
    return choice;
  }

  function answers(box, fields) {
    var given = {};
    fields.forEach(function (field) {
      var inputs = Array.prototype.filter.call(box.elements, function (input) { return input.name === field.name; });
      if (!inputs.length) return;
      if (field.type === "radio") given[field.name] = (inputs.filter(function (input) { return input.checked; })[0] || { value: "" }).value;
      else if (field.type === "checkbox" && inputs.length === 1) given[field.name] = inputs[0].checked;
      else if (field.type === "checkbox" || field.type === "multiselect") given[field.name] = inputs.filter(function (input) { return input.checked; }).map(function (input) { return input.value; });
      else if (field.type === "number" && inputs[0].value !== "") given[field.name] = Number(inputs[0].value);
      else given[field.name] = inputs[0].value;
    });
    return given;
  }

  link.start({ show: show, clear: clear });
})();
