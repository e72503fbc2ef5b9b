// What the theme's pages lack for people who use a keyboard, a screen reader or a phone, and what parts that move must keep.
"use strict";
(() => {
    // What the theme's icons do that are clicked and say nothing; any other is called as the icon is.
    const DO = { dock_to_right: "Show or hide the menu", close: "Close", unfold_more: "Account and theme", computer: "Theme" };
    const ICON = ".material-symbols-outlined";
    const CLICKED = "[x-on\\:click]:not(a[href], button, input, select, textarea, summary, label, td, [role])";
    const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
    // Shorter than this, a reader is not interrupted again by the same page (milliseconds).
    const MIN_PAUSE = 5000;

    const words = (element) => {
        const copy = element.cloneNode(true);
        copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
        return copy.textContent.trim();
    };
    const name = (element) => {
        if (element.hasAttribute("aria-label") || element.title || (!element.matches(ICON) && words(element))) return;
        if (element.querySelector("img[alt], svg[aria-label]")) return;
        const icon = (element.matches(ICON) ? element : element.querySelector(ICON))?.textContent.trim();
        // What lies around an open sheet shuts it.
        const does = icon ? DO[icon] || icon.replaceAll("_", " ") : /^\w+ = false$/.test(element.getAttribute("x-on:click")) ? DO.close : "";
        if (does) element.setAttribute("aria-label", does);
    };

    // What opens and shuts something says which it is.
    const OPENS = /^(\w+) = (!\1|true)\b/;
    const tellOpen = (element) => {
        const variable = OPENS.exec(element.getAttribute("x-on:click"))?.[1];
        if (!variable || !window.Alpine || element.hasAttribute("aria-expanded")) return;
        Alpine.effect(() => element.setAttribute("aria-expanded", Boolean(Alpine.evaluate(element, variable))));
    };

    // A box that scrolls can be reached by the keyboard, and says so; see `.dh-scrolls` for those who look.
    const measure = (box) => {
        const sideways = box.scrollWidth > box.clientWidth + 1;
        box.classList.toggle("dh-scrolls", sideways && box.matches(".dh-scroll"));
        if (!sideways && box.scrollHeight <= box.clientHeight + 1) return;
        if (!box.hasAttribute("tabindex")) box.tabIndex = 0;
        if (box.hasAttribute("role")) return;
        const title = box.closest(".dh-card, section")?.querySelector("h2, h3")?.textContent.trim();
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", `${title ? `${title}, s` : "S"}crolls ${sideways ? "sideways" : "down"}`);
    };
    const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => measure(target.closest(".dh-scroll, .dh-code"))));

    const mend = (root) => {
        const all = (selector) => [...(root.matches(selector) ? [root] : []), ...root.querySelectorAll(selector)];
        for (const element of all(CLICKED)) {
            element.setAttribute("role", "button");
            element.tabIndex = 0;
            name(element);
        }
        all("[x-on\\:click]").forEach(tellOpen);
        for (const element of all("a, button")) if (element.querySelector(ICON)) name(element);
        for (const icon of all(ICON)) if (icon.getAttribute("role") !== "button") icon.setAttribute("aria-hidden", "true");
        for (const help of all(".help-tooltip[aria-label]:not([role])")) help.setAttribute("role", "img");
        for (const box of all(".dh-scroll, .dh-code")) {
            sizes.observe(box);
            if (box.firstElementChild) sizes.observe(box.firstElementChild);
        }
    };

    // Of what moves, the lines with `data-says` are said, and only when they change by more than a time that runs.
    const heard = new Map();
    let waiting = 0;
    const gist = (text) => text.replace(/\d+ (s|min|h|d|ms)\b/g, "");
    const listen = () => {
        const news = [];
        for (const line of document.querySelectorAll("[data-says]")) {
            const text = line.textContent.trim().replace(/\s+/g, " "), before = heard.get(line.dataset.says);
            if (before !== undefined && gist(before) !== gist(text)) news.push(text);
            heard.set(line.dataset.says, text);
        }
        const place = document.getElementById("dh-said");
        if (!news.length || !place) return;
        clearTimeout(waiting);
        const say = () => { place.textContent = news.join(" "); place.dataset.at = Date.now(); };
        waiting = setTimeout(say, Math.max(0, Number(place.dataset.at || 0) + MIN_PAUSE - Date.now()));
    };

    // A part that comes anew keeps the focus of the keyboard and what somebody has opened.
    let held = null;
    const alike = (element) => [...element.ownerDocument.querySelectorAll(FOCUSABLE)].filter((other) => key(other) === key(element));
    const key = (element) => [element.tagName, element.getAttribute("href"), element.name, element.form?.getAttribute("action"), words(element)].join("|");
    document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
        const element = document.activeElement;
        const opened = [...target.querySelectorAll("details[id][data-keeps-open][open]")].map(({ id }) => id);
        held = { opened };
        if (element !== target && target.contains(element) && !element.id) held = { opened, key: key(element), place: alike(element).indexOf(element) };
    });
    document.addEventListener("htmx:afterSwap", () => {
        for (const id of held?.opened || []) document.getElementById(id)?.setAttribute("open", "");
        if (held?.key && document.activeElement === document.body) {
            const found = [...document.querySelectorAll(FOCUSABLE)].filter((element) => key(element) === held.key);
            (found[held.place] || found[0])?.focus({ preventScroll: true });
        }
        held = null;
    });
    document.addEventListener("htmx:afterSettle", listen);

    document.addEventListener("keydown", (event) => {
        if (!["Enter", " "].includes(event.key) || !event.target.matches("[role=button][x-on\\:click]")) return;
        event.preventDefault();
        event.target.click();
    });
    document.addEventListener("DOMContentLoaded", () => {
        document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", "Menu");
        document.getElementById("nav-sidebar-apps")?.setAttribute("data-simplebar-aria-label", "Pages");
        document.getElementById("result_list")?.parentElement.setAttribute("data-simplebar-aria-label", "The list");
        mend(document.body);
        listen();
        new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => node.nodeType === 1 && mend(node))))
            .observe(document.body, { childList: true, subtree: true });
    });
})();
