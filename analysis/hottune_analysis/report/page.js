/* What the page does: unpacks the drawing library and the data, draws one figure after the other, and answers to
 * the switches (theme, replicas, logarithmic axis) and buttons (copy, CSV). Texts that came from files are put in
 * as text only; labels of figures were made harmless when the page was written. */
"use strict";
(() => {
    const find = (what, where = document) => where.querySelector(what);
    const all = (what, where = document) => [...where.querySelectorAll(what)];
    const root = document.documentElement;
    const figures = JSON.parse(find("#figures").textContent);
    const coloured = new Set(["color", "fillcolor", "colorscale", "bgcolor", "bordercolor"]);
    const types = {f4: Float32Array, f8: Float64Array, i4: Int32Array, i1: Int8Array};
    const unpacked = new Map();

    let on_paper = false; /* figures as wide as a page */

    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

    /* ---- figures ------------------------------------------------------------------------------------------- */

    const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

    /* A copy of what the page holds, with packed numbers as arrays and names of colours as colours. */
    function live(value, key) {
        if (typeof value === "string")
            return coloured.has(key) && value.startsWith("@") ? colour(value.slice(1)) : value;
        if (Array.isArray(value))
            return value.map((v) => live(v, key));
        if (value === null || typeof value !== "object")
            return value;
        if (typeof value.packed === "string") {
            if (!unpacked.has(value))
                unpacked.set(value, new types[value.as](bytes(value.packed).buffer));
            const flat = unpacked.get(value);
            if (!value.rows)
                return flat;
            const n = flat.length / value.rows;
            return Array.from({length: value.rows}, (_, i) => flat.subarray(i * n, (i + 1) * n));
        }
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, live(v, k)]));
    }

    function paint(figure) {
        const narrow = !on_paper && figure.place.clientWidth < 560;
        const text = colour("text"), soft = colour("soft"), grid = colour("grid");
        const layout = live(figure.layout), named = figure.traces.filter((t) => t.showlegend !== false).length > 1;
        Object.assign(layout, {
            ...(on_paper ? {autosize: false, width: 680} : {autosize: true}), height: figure.height, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
            font: {family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 12.5, color: text},
            margin: {l: narrow ? 46 : 60, r: 14, t: narrow ? 12 : named && layout.showlegend !== false ? 58 : 34, b: 44, ...layout.margin},
            modebar: {bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: colour("accent")},
            hoverlabel: {bgcolor: colour("card"), bordercolor: colour("line"), font: {color: text}, align: "left", namelength: -1},
            legend: {orientation: "h", x: 0, y: 1, yanchor: "bottom", font: {size: narrow ? 10.5 : 12}, ...layout.legend},
        });
        for (const key of Object.keys(layout)) {
            if (!/^[xy]axis\d*$/.test(key))
                continue;
            const axis = layout[key];
            Object.assign(axis, {gridcolor: grid, zerolinecolor: grid, linecolor: grid, tickcolor: grid, automargin: true});
            axis.title = {...axis.title, font: {size: narrow ? 11 : 12.5, color: soft}, standoff: 8};
            if (key[0] === "y" && figure.log !== undefined) {
                axis.type = figure.log ? "log" : "linear";
                if (!figure.log || figure.range[0] > 0)
                    axis.range = figure.log ? figure.range.map(Math.log10) : [...figure.range];
            }
        }
        const traces = live(figure.traces).map((t) => {
            const on = !t.group || !figure.show || figure.show.includes(t.group);
            delete t.group;
            return {...t, visible: on ? t.visible ?? true : false};
        });
        return Plotly.react(figure.place, traces, layout, {
            responsive: true, displaylogo: false, scrollZoom: false, displayModeBar: narrow ? false : "hover",
            modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toggleSpikelines"],
            toImageButtonOptions: {filename: figure.id, scale: 2},
        });
    }

    /* The switches above a figure: which traces are shown, and whether its values are on a logarithmic axis. */
    function put_controls(figure) {
        const bar = figure.place.parentNode.insertBefore(document.createElement("div"), figure.place);
        bar.className = "controls";
        if (figure.views) {
            const set = bar.appendChild(document.createElement("fieldset"));
            set.appendChild(document.createElement("legend")).textContent = figure.views.title;
            figure.views.choices.forEach((view, i) => {
                const label = set.appendChild(document.createElement("label"));
                const box = label.appendChild(document.createElement("input"));
                Object.assign(box, {type: "radio", name: figure.id + "-view", value: i, checked: i === figure.views.first});
                label.append(view.label);
                box.addEventListener("change", () => { figure.show = view.groups; paint(figure); });
            });
            figure.show = figure.views.choices[figure.views.first].groups;
        }
        if (figure.log !== undefined) {
            const label = bar.appendChild(document.createElement("label"));
            const box = label.appendChild(document.createElement("input"));
            Object.assign(box, {type: "checkbox", className: "log", checked: figure.log});
            label.append("logarithmic axis");
            box.addEventListener("change", () => { figure.log = box.checked; paint(figure); });
        }
        const button = find(".head", figure.place.closest("figure")).appendChild(document.createElement("button"));
        Object.assign(button, {type: "button", className: "csv", textContent: "CSV"});
        button.setAttribute("aria-label", "save the numbers of this figure as CSV: " + figure.id);
        button.addEventListener("click", () => save(figure.id + ".csv", csv_of(figure)));
    }

    /* ---- numbers to take away -------------------------------------------------------------------------------- */

    const decode = document.createElement("textarea"); /* labels back to what they were in the file */
    function field(value) {
        if (typeof value === "number")
            return Number.isFinite(value) ? String(Number(value.toPrecision(8))) : "";
        decode.innerHTML = String(value ?? "").replace(/</g, "&lt;");
        let text = decode.value;
        if (/^[=+\-@\t\r]/.test(text))
            text = "'" + text; /* or a spreadsheet takes it for a formula */
        return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    }
    const axis_title = (figure, id, fallback) => figure.layout[id[0] + "axis" + id.slice(1)]?.title?.text || fallback;

    function csv_of(figure) {
        const lines = [["series", "x_is", "x", "y_is", "y", "minus", "plus", "value", "note"].join(",")];
        for (const t of live(figure.traces)) {
            const x = t.x ?? [], y = t.y ?? [], upright = t.orientation === "h" ? t.error_x : t.error_y;
            const names = [axis_title(figure, t.xaxis || "x", "x"), axis_title(figure, t.yaxis || "y", "y")];
            const row = (xi, yi, i, z, note) => lines.push([t.name, names[0], xi, names[1], yi,
                upright?.arrayminus?.[i] ?? "", upright?.array?.[i] ?? "", z ?? "", note ?? ""].map(field).join(","));
            if (t.z)
                t.z.forEach((line, r) => line.forEach((z, c) => row(x[c], y[r], r, z)));
            else
                for (let i = 0; i < x.length; i++)
                    if (!Number.isNaN(y[i]) && y[i] !== null)
                        row(x[i], y[i], i, undefined, Array.isArray(t.text) ? t.text[i] : undefined);
        }
        return lines.join("\r\n") + "\r\n";
    }

    function save(name, text) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([text], {type: "text/csv;charset=utf-8"}));
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    async function copy(button) {
        const from = document.getElementById(button.dataset.copy);
        try {
            await navigator.clipboard.writeText(from.textContent);
        } catch {
            const range = document.createRange();
            from.closest("details")?.setAttribute("open", "");
            range.selectNodeContents(from);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
            document.execCommand("copy");
        }
        const before = button.textContent;
        button.textContent = "copied";
        setTimeout(() => { button.textContent = before; }, 1500);
    }

    /* ---- theme ------------------------------------------------------------------------------------------------- */

    const theme = find("#theme"), system = matchMedia("(prefers-color-scheme: dark)");
    let drawn = [];
    function wear(dark) {
        root.classList.toggle("dark", dark);
        theme.setAttribute("aria-pressed", String(dark));
        theme.textContent = dark ? "Light theme" : "Dark theme";
        return Promise.all(drawn.map(paint));
    }
    let chosen = null;
    theme.addEventListener("click", () => { chosen = !root.classList.contains("dark"); wear(chosen); });
    system.addEventListener("change", () => { if (chosen === null) wear(system.matches); });
    let was_dark = false;
    addEventListener("beforeprint", () => { was_dark = root.classList.contains("dark"); on_paper = true; wear(false); });
    addEventListener("afterprint", () => { on_paper = false; wear(was_dark); });
    all("button[data-copy]").forEach((b) => b.addEventListener("click", () => copy(b)));

    /* ---- start ------------------------------------------------------------------------------------------------- */

    async function start() {
        const packed = find("#library");
        if (packed.dataset.form === "gzip" && typeof DecompressionStream === "undefined")
            throw new Error("this browser is too old to unpack the drawing library; texts and tables are complete");
        const stream = new Blob([bytes(packed.textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
        const script = document.createElement("script");
        script.textContent = await new Response(stream).text();
        document.head.append(script);
        packed.remove();
        for (const figure of figures) {
            figure.place = document.getElementById(figure.id);
            put_controls(figure);
            await paint(figure);
            drawn.push(figure);
            await new Promise((next) => setTimeout(next)); /* the page stays alive between two figures */
        }
        root.dataset.drawn = String(drawn.length);
    }
    wear(system.matches);
    start().catch((e) => {
        root.dataset.drawn = "failed";
        const box = find("#trouble");
        box.hidden = false;
        box.textContent = "The figures cannot be drawn: " + e.message;
    });
})();
