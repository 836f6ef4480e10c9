"use strict";
(() => {
	const LEVELS = ["informational", "low", "medium", "high", "critical"];
	const PAGE = 50, TOP = 12, PAPER = 200;
	const data = name => JSON.parse(document.getElementById("data-" + name).textContent);
	const about = data("about"), files = data("files"), rules = data("rules"), devices = data("devices"), time = data("time");
	/* In the order in which the program writes them. */
	const [RULE, TIME, FIRST, LAST, UPDATE, CLIENT, CPORT, SERVER, SPORT, APP, TRANSPORT, IS_LOG, CLIENT_ID, ID_KIND, USER, WHAT, RESOURCE,
		COUNT, DISTINCT, VALUE, RATIO, GROUP, FRAMES, SAMPLES, SHOWN, OWN_FILE, OWN_FRAME] = Array.from({length: 27}, (_, i) => i);
	const alerts = data("alerts");
	const ruleAt = new Map(rules.map(r => [r.index, r])), fileAt = new Map(files.map(f => [f[0], f]));
	const counters = new Map(about.counters.map(c => [c[0], c[1]]));

	/* --- elements: text enters as text, never as markup --------------------------------------------------------- */

	const SVG = "http://www.w3.org/2000/svg"; /* the name of a language, not an address that anybody asks */
	const fill = (element, attributes, children) => {
		for (const [key, value] of Object.entries(attributes || {})) {
			if (key.startsWith("on"))
				element.addEventListener(key.slice(2), value);
			else if (value !== false && value != null)
				element.setAttribute(key, value === true ? "" : value);
		}
		element.append(...children.flat(9).filter(c => c != null && c !== false && c !== 0 && c !== ""));
		return element;
	};
	const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
	const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
	const at = id => document.getElementById(id);
	const pill = level => h("span", {class: "pill c" + level}, LEVELS[level]);
	const show = (parent, ...children) => parent.replaceChildren(...children.flat(9).filter(c => c != null && c !== false));

	/* --- words --------------------------------------------------------------------------------------------------- */

	const number = n => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
	const plural = (n, one, many) => number(n) + " " + (n === 1 ? one : many || one + "s");
	const bytes = n => {
		const units = ["B", "kB", "MB", "GB", "TB"];
		let i = 0;
		for (; n >= 1000 && i < units.length - 1; i++)
			n /= 1000;
		return (i && n < 100 ? n.toFixed(1) : Math.round(n)) + "\u00a0" + units[i];
	};
	const iso = ms => new Date(ms).toISOString();
	const day = ms => iso(ms).slice(0, 10);
	const clock = ms => iso(ms).slice(11, 23);
	const oneDay = time.width_ms ? day(time.first) === day(time.last) : true;
	const stamp = ms => (oneDay ? "" : day(ms) + " ") + clock(ms);
	const short = ms => (oneDay ? "" : day(ms) + " ") + clock(ms).slice(0, 8);
	const span = ms => ms < 1000 ? Math.round(ms) + " ms" : ms < 120e3 ? (ms < 10e3 ? (ms / 1e3).toFixed(1) : Math.round(ms / 1e3)) + " s" :
		ms < 7.2e6 ? Math.round(ms / 6e4) + " min" : ms < 1.728e8 ? Math.round(ms / 3.6e6) + " h" : Math.round(ms / 8.64e7) + " d";
	const listed = (items, most) => items.slice(0, most).join(", ") + (items.length > most ? " and " + number(items.length - most) + " more" : "");
	const fileName = file => fileAt.has(file) ? fileAt.get(file)[1] : "file " + file;
	const baseName = name => name.slice(name.lastIndexOf("/") + 1) || name;
	const deviceKey = row => row[CLIENT] || (row[CLIENT_ID] ? "client " + row[CLIENT_ID] : "unknown");
	const deviceName = d => d.address || (d.label ? "client " + d.label : "unknown");

	/* --- display filters (Wireshark 4) ---------------------------------------------------------------------------- */

	/* A dollar sign would begin a macro, even in quotes. */
	const quoted = text => "\"" + text.replace(/[\\"]/g, "\\$&").replace(/\$/g, "\\x24") + "\"";
	const framesFilter = frames => frames.length === 1 ? "frame.number == " + frames[0] : "frame.number in {" + frames.join(",") + "}";
	const addressFilter = a => (a.includes(":") ? "ipv6.addr == " : "ip.addr == ") + a;
	const portField = row => (row[TRANSPORT] === 17 ? "udp" : "tcp") + ".port == ";
	const pairFilter = row => [addressFilter(row[CLIENT]), addressFilter(row[SERVER]), portField(row) + row[SPORT]].join(" && ");
	const conversationFilter = row => pairFilter(row) + " && " + portField(row) + row[CPORT];
	const CUT = 9; /* "~" and eight digits mark what was too long to keep */
	const clientIdFilter = row => {
		if (!row[CLIENT_ID] || row[ID_KIND] === 2 || row[APP] !== "mqtt")
			return null;
		return row[ID_KIND] === 1 ? "mqtt.clientid contains " + quoted(row[CLIENT_ID].slice(0, -CUT)) : "mqtt.clientid == " + quoted(row[CLIENT_ID]);
	};
	const shellQuoted = text => "'" + text.replace(/'/g, "'\\''") + "'";
	const copyButton = text => {
		const button = h("button", {type: "button", class: "copy", onclick: async event => {
			event.preventDefault();
			try {
				await navigator.clipboard.writeText(text);
				button.textContent = "copied";
			} catch (refused) {
				const range = document.createRange();
				range.selectNodeContents(button.previousElementSibling || button.parentElement);
				getSelection().removeAllRanges();
				getSelection().addRange(range);
				button.textContent = "selected";
			}
			setTimeout(() => { button.textContent = "copy"; }, 1500);
		}}, "copy");
		return button;
	};
	const proof = (label, text) => h("div", {class: "proof"}, label && h("span", {}, label), h("code", {}, text), copyButton(text));
	const proofs = row => row[FRAMES].map(([file, ...frames]) => row[IS_LOG]
		? proof([h("b", {}, baseName(fileName(file))), frames.length === 1 ? " line " : " lines ", frames.join(", ")],
			"sed -n " + shellQuoted(frames.map(f => f + "p").join(";")) + " " + shellQuoted(fileName(file)))
		: proof(h("b", {title: fileName(file)}, baseName(fileName(file))), framesFilter(frames)));

	/* --- the head --------------------------------------------------------------------------------------------------- */

	const total = [0, 0, 0, 0, 0];
	for (const rule of rules)
		total[rule.level] += rule.alerts;
	const all = total.reduce((a, b) => a + b, 0);
	const alerting = devices.filter(d => d.slice(0, 5).some(n => n));
	const state = {levels: new Set([0, 1, 2, 3, 4]), rule: null, device: null, from: null, to: null, text: "", group: "rule"};

	const counted = level => plural(total[level], LEVELS[level] + " alert");
	const verdict = () => {
		const levels = [4, 3, 2, 1, 0].filter(l => total[l]);
		if (!all)
			return "No alerts";
		const grave = levels.filter(l => l >= 3).length ? levels.filter(l => l >= 3) : levels.slice(0, 1);
		const words = grave.map((l, i) => number(total[l]) + " " + LEVELS[l] + (i === grave.length - 1 ? (total[l] === 1 && grave.length === 1 ? " alert" : " alerts") : ""));
		const from = new Set();
		for (const rule of rules.filter(r => grave.includes(r.level)))
			for (const client of byRule.get(rule.index).clients.keys())
				from.add(client);
		return words.join(" and ") + " from " + (alerts.length < all ? "at least " : "") + (from.size === 1 ? [...from][0] : plural(from.size, "device"));
	};

	const warnings = () => {
		const list = [], c = name => counters.get(name) || 0;
		if (about.faults)
			list.push(plural(about.faults, "input") + " damaged or unreadable");
		if (about.dropped)
			list.push(plural(about.dropped, "frame") + " dropped by the kernel");
		if (c("gaps"))
			list.push(plural(c("gaps"), "hole") + " in TCP streams (" + bytes(c("gap_bytes")) + ")");
		if (c("flows_evicted") || c("groups_evicted") || c("segments_evicted"))
			list.push("tables were full: states were given up");
		if (about.one_sided > about.flows / 4)
			list.push(plural(about.one_sided, "flow") + " of " + number(about.flows) + " seen in one direction only");
		if (c("truncated"))
			list.push(plural(c("truncated"), "frame") + " cut by the snap length");
		if (c("log_unreadable"))
			list.push(plural(c("log_unreadable"), "log line") + " not understood");
		return list;
	};

	const drawHead = () => {
		document.body.classList.add("live");
		show(at("verdict"), verdict());
		show(at("eyebrow"), "thingwarden report", about.sensor ? " \u00b7 sensor " + about.sensor : "");
		const c = name => counters.get(name) || 0, facts = [];
		const fact = (value, what) => facts.push(h("span", {}, h("b", {}, value), " " + what));
		if (time.width_ms) {
			fact(day(time.first) + " " + clock(time.first).slice(0, 8) + " \u2013 " + (oneDay ? "" : day(time.last) + " ") + clock(time.last).slice(0, 8), "UTC");
			fact(span(time.last - time.first), "of observation");
		}
		fact(number(files.length), files.length === 1 ? "input" : "inputs");
		if (c("packets"))
			fact(number(c("packets")), "frames"), fact(number(c("flows")), "flows");
		if (c("log_lines"))
			fact(number(c("log_lines")), "log lines");
		fact(number(about.devices) + (about.devices_refused ? "+" : ""), about.devices === 1 ? "device" : "devices");
		show(at("facts"), h("div", {class: "facts"}, facts), h("div", {class: "tiles", role: "group", "aria-label": "Alerts by level; press to see only that level"}, [4, 3, 2, 1, 0].map(level =>
			h("button", {type: "button", class: "tile c" + level + (total[level] ? "" : " none"), "aria-pressed": "false", "data-level": level, onclick: () => {
				const only = state.levels.size === 1 && state.levels.has(level);
				state.levels = new Set(only ? [0, 1, 2, 3, 4] : [level]);
				drawAlerts();
				if (!only)
					go("alerts");
			}}, h("b", {}, number(total[level])), LEVELS[level]))));
		const wrong = warnings();
		if (wrong.length)
			at("facts").append(h("div", {class: "card warn"}, h("b", {}, "Not everything was seen: "), wrong.join("; "), ". ", h("a", {href: "#coverage"}, "Coverage and blind spots")));
	};
	const go = id => at(id).scrollIntoView({block: "start"});

	/* --- what happened: the gravest rules ------------------------------------------------------------------------------ */

	const ordered = rules.slice().sort((a, b) => b.level - a.level || b.alerts - a.alerts || (a.name < b.name ? -1 : 1));
	const byRule = new Map(rules.map(r => [r.index, {rows: [], clients: new Map(), first: Infinity, last: 0}]));
	for (const row of alerts) {
		const of = byRule.get(row[RULE]);
		of.rows.push(row);
		of.clients.set(deviceKey(row), (of.clients.get(deviceKey(row)) || 0) + 1);
		of.first = Math.min(of.first, row[FIRST]);
		of.last = Math.max(of.last, row[LAST]);
	}
	const topClients = of => [...of.clients].sort((a, b) => b[1] - a[1]).map(c => c[0]);
	const when = (first, last) => last > first ? short(first) + " \u2013 " + clock(last).slice(0, 8) + " (" + span(last - first) + ")" : stamp(first);
	const mitre = rule => rule.mitre.map(([id, name, tactic]) => h("div", {}, h("b", {}, id), name && " " + name, tactic && h("span", {class: "soft"}, " \u00b7 " + tactic)));
	const condition = rule => !rule.condition && !rule.awaited ? "" : (rule.condition ? rule.condition + (rule.value && /different$/.test(rule.condition) ? " " + rule.value : "") +
		(rule.window_s ? " within " + span(rule.window_s * 1000) : "") : rule.window_s && rule.awaited ? "awaited within " + span(rule.window_s * 1000) : "") +
		(rule.group.length ? ", for each " + rule.group.join(", ") : "");

	const pick = change => {
		Object.assign(state, change);
		drawAlerts();
		go("alerts");
	};
	const firstSentence = text => (text || "").split(/(?<=[.!?])\s/)[0];
	const finding = rule => {
		const of = byRule.get(rule.index), row = of.rows[0];
		return h("article", {class: "card finding c" + rule.level},
			h("div", {}, pill(rule.level), " ", h("span", {class: "soft"}, plural(rule.alerts, "alert"))),
			h("h3", {}, rule.title),
			h("p", {class: "note"}, firstSentence(rule.description)),
			row && h("dl", {class: "kv"},
				h("dt", {}, "Who"), h("dd", {}, of.clients.size === 1 ? [h("b", {}, who(row).slice(0, 90))] : listed(topClients(of), 2), row[SERVER] && h("span", {class: "soft"}, " \u2192 " + row[SERVER] + (row[SPORT] ? ":" + row[SPORT] : "") + " " + row[APP])),
				h("dt", {}, "When"), h("dd", {}, when(of.first, of.last)),
				h("dt", {}, "Proof"), h("dd", {}, proofs(row).slice(0, 1))),
			h("div", {}, h("button", {type: "button", class: "link", onclick: () => pick({rule: rule.index, device: null, group: "rule", levels: new Set([0, 1, 2, 3, 4])})}, "Show " + (rule.alerts === 1 ? "the alert" : "all " + number(rule.alerts)) + " and what to check")));
	};
	const drawSummary = () => {
		const grave = ordered.filter(r => r.level >= 2), shown = (grave.length ? grave : ordered).slice(0, 6);
		if (!shown.length)
			return show(at("summary"), h("div", {class: "card"}, "No rule raised an alert. Whether that is good news depends on what could be seen: see ",
				h("a", {href: "#coverage"}, "coverage and blind spots"), "."));
		show(at("summary"), h("h2", {}, "What happened"), h("div", {class: "findings"}, shown.map(finding)),
			ordered.length > shown.length && h("p", {class: "note more"}, "The gravest " + shown.length + " of " + plural(ordered.length, "rule") + " that raised alerts; all are in the table below."));
	};

	/* --- timeline --------------------------------------------------------------------------------------------------------- */

	/* Long silences are folded away, so that minutes of traffic weeks apart can both be seen. */
	const segments = () => {
		const spans = time.spans, gaps = [];
		let rest = spans[spans.length - 1][0] + time.width_ms - spans[0][0];
		for (let i = 1; i < spans.length; i++)
			gaps.push([spans[i][0] - spans[i - 1][0] - time.width_ms, i]);
		gaps.sort((a, b) => b[0] - a[0]);
		const breaks = [];
		for (const [gap, i] of gaps) {
			if (breaks.length === 8 || gap < rest / 5 || gap < 30e3)
				break;
			breaks.push(i);
			rest -= gap;
		}
		breaks.sort((a, b) => a - b);
		const list = [];
		for (let i = 0; i <= breaks.length; i++) {
			const part = spans.slice(i ? breaks[i - 1] : 0, i < breaks.length ? breaks[i] : spans.length);
			list.push({spans: part, from: part[0][0], to: part[part.length - 1][0] + time.width_ms});
		}
		return list;
	};
	const bins = (segment, pixels) => {
		const length = segment.to - segment.from, n = Math.max(1, Math.min(Math.floor(pixels / 6), Math.ceil(length / time.width_ms)));
		const list = Array.from({length: n}, (_, i) => ({from: segment.from + length * i / n, to: segment.from + length * (i + 1) / n, seen: 0, bytes: 0, alerts: [0, 0, 0, 0, 0]}));
		for (const [begin, seen, size, ...levels] of segment.spans) {
			const bin = list[Math.min(n - 1, Math.floor((begin - segment.from + time.width_ms / 2) / length * n))];
			bin.seen += seen;
			bin.bytes += size;
			levels.forEach((count, level) => { bin.alerts[level] += count; });
		}
		return list;
	};
	const drawTimeline = () => {
		if (!time.spans.length)
			return;
		const LEFT = 100, WIDTH = 1150, LANE = 22, GAP = 20, TRAFFIC = 64;
		const lanes = [4, 3, 2, 1, 0].filter(l => total[l]), parts = segments();
		const room = WIDTH - LEFT - GAP * (parts.length - 1), least = Math.min(30, room / parts.length);
		const length = parts.reduce((sum, p) => sum + p.to - p.from, 0);
		const top = lanes.length * (LANE + 4), floor = top + 14 + TRAFFIC, svg = s("svg", {viewBox: "0 0 " + WIDTH + " " + (floor + 24), role: "img",
			"aria-label": "Alerts of each level and traffic over time; the tables below say the same in numbers"});
		let x = LEFT;
		for (const part of parts) {
			part.x = x;
			part.width = least + (room - least * parts.length) * (part.to - part.from) / length;
			part.bins = bins(part, part.width);
			x += part.width + GAP;
		}
		const most = Math.max(...parts.flatMap(p => p.bins.map(b => b.seen)));
		lanes.forEach((level, i) => svg.append(s("text", {x: LEFT - 10, y: i * (LANE + 4) + 15, "text-anchor": "end"}, LEVELS[level])));
		svg.append(s("text", {x: LEFT - 10, y: floor - TRAFFIC / 2 + 4, "text-anchor": "end"}, counters.get("packets") ? "traffic" : "log lines"));
		parts.forEach((part, i) => drawSegment(svg, part, {lanes, LANE, floor, TRAFFIC, most, last: i === parts.length - 1, next: parts[i + 1], GAP}));
		show(at("timeline"), h("h2", {}, "When"), h("div", {class: "card"}, svg, h("p", {class: "note"},
			(parts.length > 1 ? "Dotted lines stand for silence, which is left out. " : "") + "Press a mark to see the alerts of that moment. Times are UTC.")));
	};
	const drawSegment = (svg, part, o) => {
		const scale = part.width / (part.to - part.from);
		o.lanes.forEach((level, i) => {
			const y = i * (o.LANE + 4), peak = Math.max(...part.bins.map(b => b.alerts[level]));
			svg.append(s("rect", {class: "lane", x: part.x, y, width: part.width, height: o.LANE, rx: 3}));
			for (const bin of part.bins.filter(b => b.alerts[level]))
				svg.append(s("rect", {class: "cell c" + level, x: part.x + (bin.from - part.from) * scale, y: y + 2, rx: 1.5,
					width: Math.max(4, (bin.to - bin.from) * scale - 1), height: o.LANE - 4,
					"fill-opacity": (0.45 + 0.55 * Math.log1p(bin.alerts[level]) / Math.log1p(peak)).toFixed(2),
					onclick: () => pick({from: bin.from, to: bin.to, levels: new Set([level]), rule: null, device: null})},
				s("title", {}, plural(bin.alerts[level], LEVELS[level] + " alert") + ", " + stamp(bin.from) + " \u2013 " + clock(bin.to))));
		});
		for (const bin of part.bins.filter(b => b.seen)) {
			const height = Math.max(1.5, o.TRAFFIC * Math.sqrt(bin.seen / o.most));
			svg.append(s("rect", {class: "traffic", x: part.x + (bin.from - part.from) * scale, y: o.floor - height,
				width: Math.max(1, (bin.to - bin.from) * scale - 0.5), height},
			s("title", {}, number(bin.seen) + (bin.bytes ? " frames, " + bytes(bin.bytes) : " records") + ", " + stamp(bin.from) + " \u2013 " + clock(bin.to))));
		}
		svg.append(s("line", {class: "axis", x1: part.x, x2: part.x + part.width, y1: o.floor, y2: o.floor}));
		if (part.width > 110 || (!part.number && part.width > 60))
			svg.append(s("text", {x: part.x, y: o.floor + 17}, part.width > 170 ? short(part.from) : clock(part.from).slice(0, 8)));
		if (part.width > 300)
			svg.append(s("text", {x: part.x + part.width, y: o.floor + 17, "text-anchor": "end"}, clock(part.to).slice(0, 8)));
		if (o.next) {
			const middle = part.x + part.width + o.GAP / 2;
			svg.append(s("line", {class: "break", x1: middle, x2: middle, y1: 0, y2: o.floor}, s("title", {}, span(o.next.from - part.to) + " of silence")));
		}
	};

	/* --- by rule, by device -------------------------------------------------------------------------------------------------- */

	const cut = (rows, most, draw) => {
		const body = h("tbody", {}, rows.slice(0, most).map(draw));
		const more = rows.length > most && h("p", {class: "more"}, h("button", {type: "button", onclick: event => {
			body.append(...rows.slice(most).map(draw));
			event.currentTarget.parentElement.remove();
		}}, "Show " + number(rows.length - most) + " more"));
		return [body, more];
	};
	const table = (heads, rows, most, draw) => {
		const [body, more] = cut(rows, most, draw);
		return [h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {}, heads.map(t => h("th", {class: t[0] === "#" ? "n" : null, scope: "col"}, t.replace("#", ""))))), body)), more];
	};
	const drawTables = () => {
		if (!rules.length)
			return;
		const ofRule = rule => h("tr", {"data-rule": rule.index}, h("td", {}, pill(rule.level)),
			h("td", {}, h("button", {type: "button", class: "link", onclick: () => pick({rule: rule.index, device: null, levels: new Set([0, 1, 2, 3, 4])})}, rule.title),
				h("div", {class: "note mono"}, rule.name)),
			h("td", {class: "n"}, number(rule.alerts)), h("td", {class: "n"}, number(byRule.get(rule.index).clients.size)),
			h("td", {class: "note nowrap"}, rule.mitre.map(m => h("div", {title: m[1] + (m[2] ? " \u00b7 " + m[2] : "")}, m[0]))));
		const weight = d => [4, 3, 2, 1, 0].map(l => String(d[l]).padStart(9, "0")).join("");
		const worst = alerting.slice().sort((a, b) => weight(a) < weight(b) ? 1 : weight(a) > weight(b) ? -1 : 0);
		const ofDevice = d => h("tr", {}, h("td", {}, h("button", {type: "button", class: "link", onclick: () => pick({device: deviceName(d[5]), rule: null, levels: new Set([0, 1, 2, 3, 4])})}, deviceName(d[5])),
			h("div", {class: "note"}, calledWhat(d[5]))), [4, 3, 2, 1, 0].map(l => h("td", {class: "n " + (d[l] ? "lv c" + l : "zero")}, number(d[l]))));
		show(at("tables"), h("div", {class: "two"},
			h("div", {class: "card"}, h("h2", {}, "By rule"), table(["Level", "Rule", "#Alerts", "#Devices", "ATT&CK"], ordered, TOP, ofRule)),
			h("div", {class: "card"}, h("h2", {}, "By device"), table(["Device", "#crit.", "#high", "#med.", "#low", "#info"], worst, TOP, ofDevice),
				about.devices > devices.length && h("p", {class: "note more"}, "The " + number(devices.length) + " devices that this page lists; search the alerts for others."))));
	};
	const values = (d, kind) => (d[kind] || []).map(f => f.value);
	const calledWhat = d => {
		const names = d.address ? values(d, "client_ids") : [];
		return listed(names.length ? names : values(d, "names").length ? values(d, "names") : values(d, "software"), 2);
	};

	/* --- alerts ------------------------------------------------------------------------------------------------------------------ */

	const wanted = () => {
		const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
		return alerts.filter(row => {
			const rule = ruleAt.get(row[RULE]);
			if (!state.levels.has(rule.level) || (state.rule != null && row[RULE] !== state.rule) || (state.device != null && deviceKey(row) !== state.device) ||
			    (state.from != null && (row[TIME] < Math.floor(state.from) || row[TIME] >= Math.ceil(state.to))))
				return false;
			if (!words.length)
				return true;
			const text = [rule.name, rule.title, LEVELS[rule.level], row[CLIENT], row[SERVER], row[SPORT], row[APP], row[CLIENT_ID], row[USER], row[WHAT], row[RESOURCE], row[SAMPLES].join(" ")].join(" ").toLowerCase();
			return words.every(word => text.includes(word));
		});
	};
	const who = row => [row[CLIENT] || (row[CLIENT_ID] ? "" : "unknown address"), row[CLIENT_ID] ? (row[CLIENT] ? " " : "") + "client " + row[CLIENT_ID] : "", row[USER] ? ", user " + row[USER] : ""].join("");
	const measured = (row, rule) => [
		rule.measure && row[VALUE] ? rule.measure + " of " + rule.value + ": " + row[VALUE] : "",
		row[DISTINCT] && rule.condition && !(rule.measure && row[VALUE]) ? plural(row[DISTINCT], "different " + (rule.value || "value"), "different " + (rule.value || "values")) : "",
		row[COUNT] > (rule.measure === "total" ? row[VALUE] : 1) ? number(row[COUNT]) + (rule.measure === "total" ? " in all" : " times") : "", row[RATIO] ? "ratio " + row[RATIO].toFixed(2) : ""].filter(Boolean).join(", ");
	const detail = (row, rule, withRule) => {
		const kv = [], add = (name, ...value) => kv.push(h("dt", {}, name), h("dd", {}, value));
		if (withRule)
			add("Rule", h("b", {}, rule.title), h("span", {class: "note mono"}, " " + rule.name));
		add("Who", who(row), row[CLIENT] && h("span", {class: "soft"}, " from port " + row[CPORT]), " \u2192 ", row[SERVER] || "unknown", row[SPORT] ? ":" + row[SPORT] : "", " (" + row[APP] + ")",
			row[COUNT] > 1 && (row[CLIENT_ID] || row[USER]) && h("span", {class: "soft"}, "; client and user are those of " + (row[IS_LOG] ? "line " : "frame ") + row[OWN_FRAME]));
		add("What", row[WHAT], row[RESOURCE] && [" ", h("code", {}, row[RESOURCE])], measured(row, rule) && ": " + measured(row, rule));
		add("When", when(row[FIRST], row[LAST]), h("span", {class: "soft"}, "; raised " + stamp(row[TIME]) + (row[UPDATE] ? ", last told of in update " + row[UPDATE] : "")));
		if (row[GROUP].length)
			add("Counted for", row[GROUP].map((value, i) => (i ? ", " : "") + rule.group[i] + " " + (value || "(none)")));
		if (condition(rule))
			add("Threshold", condition(rule));
		if (rule.awaited)
			add("Did not follow", rule.awaited.join(", "));
		if (row[SAMPLES].length)
			add("Seen", row[SAMPLES].map((text, i) => [i ? ", " : "", h("code", {}, text)]));
		for (const [name, text] of row[SHOWN])
			add(h("span", {class: "mono"}, name), h("code", {}, text));
		add(row[IS_LOG] ? "Proof: lines" : "Proof: frames", proofs(row), row[COUNT] > row[FRAMES].reduce((n, f) => n + f.length - 1, 0) && h("span", {class: "note"}, "the first of " + number(row[COUNT])));
		if (!row[IS_LOG] && row[CLIENT] && row[SERVER])
			add("More in Wireshark", h("div", {"data-file": fileName(row[OWN_FILE])}, h("b", {title: fileName(row[OWN_FILE])}, baseName(fileName(row[OWN_FILE]))),
				h("span", {class: "soft"}, ", around frame " + row[OWN_FRAME])), proof("both ends", pairFilter(row)), row[CPORT] && proof("this conversation", conversationFilter(row)), clientIdFilter(row) && proof("client id", clientIdFilter(row)));
		if (withRule && rule.description)
			add("Check", rule.description);
		return h("div", {class: "body"}, h("dl", {class: "kv"}, kv));
	};
	const lazily = (details, draw) => {
		details.addEventListener("toggle", () => {
			if (details.open && !details.drawn)
				details.append(draw());
			details.drawn = details.drawn || details.open;
		});
		details.draw = () => {
			details.open = true;
			if (!details.drawn)
				details.append(draw());
			details.drawn = true;
		};
		return details;
	};
	const alertRow = (row, withRule) => {
		const rule = ruleAt.get(row[RULE]);
		return lazily(h("details", {class: "alert"}, h("summary", {class: withRule ? "mixed" : null}, h("span", {class: "mono"}, stamp(row[TIME])), withRule && pill(rule.level), h("span", {}, who(row)),
			h("span", {class: "soft"}, withRule ? rule.title : row[WHAT] + (row[RESOURCE] ? " " + row[RESOURCE] : "") + (measured(row, rule) ? ": " + measured(row, rule) : "")),
			h("span", {class: "soft"}, row[SERVER] ? "\u2192 " + row[SERVER] + (row[SPORT] ? ":" + row[SPORT] : "") : ""))), () => detail(row, rule, withRule));
	};
	const rowsOf = (rows, withRule) => {
		const box = h("div", {});
		let drawn = 0;
		const more = h("button", {type: "button", class: "more", onclick: () => next()});
		const next = () => {
			more.remove();
			box.append(...rows.slice(drawn, drawn + PAGE).map(row => alertRow(row, withRule)));
			drawn = Math.min(rows.length, drawn + PAGE);
			more.textContent = "Show " + number(Math.min(PAGE, rows.length - drawn)) + " more of " + number(rows.length - drawn) + " left";
			if (drawn < rows.length)
				box.append(more);
		};
		next();
		return box;
	};
	const ruleBody = (rule, rows) => h("div", {class: "body"},
		rule.description && h("p", {class: "about"}, h("b", {}, "What to check. "), rule.description),
		rule.falsepositives.length > 0 && h("p", {class: "about"}, h("b", {}, "Harmless when: "), rule.falsepositives.join("; ")),
		h("dl", {class: "kv"}, h("dt", {}, "Rule"), h("dd", {class: "mono"}, rule.name), condition(rule) && [h("dt", {}, "Threshold"), h("dd", {}, condition(rule))],
			rule.mitre.length > 0 && [h("dt", {}, "MITRE ATT&CK"), h("dd", {}, mitre(rule))]),
		rule.shown < rule.alerts && h("p", {class: "note more"}, "This page holds the first " + number(rule.shown) + " of " + number(rule.alerts) + " alerts of this rule; " + number(rule.alerts - rule.shown) + " more are in the alert records (--alerts)."),
		h("p", {}), rowsOf(rows, false));
	const groups = rows => {
		const list = new Map();
		for (const row of rows) {
			const key = state.group === "rule" ? row[RULE] : state.group === "device" ? deviceKey(row) : "time";
			if (!list.has(key))
				list.set(key, {key, rows: [], level: 0, levels: [0, 0, 0, 0, 0], clients: new Set()});
			const group = list.get(key), level = ruleAt.get(row[RULE]).level;
			group.rows.push(row);
			group.level = Math.max(group.level, level);
			group.levels[level]++;
			group.clients.add(deviceKey(row));
		}
		return [...list.values()].sort((a, b) => b.level - a.level || b.levels[b.level] - a.levels[a.level]);
	};
	const groupBox = group => {
		const rule = state.group === "rule" ? ruleAt.get(group.key) : null;
		const name = rule ? rule.title : group.key;
		const side = rule ? listed([...group.clients], 2) : [4, 3, 2, 1, 0].filter(l => group.levels[l]).map(l => number(group.levels[l]) + " " + LEVELS[l]).join(", ");
		return lazily(h("details", {class: "group c" + group.level}, h("summary", {}, pill(group.level), h("b", {}, name), h("span", {class: "grow soft"}, side), h("span", {class: "n"}, plural(group.rows.length, "alert")))),
			() => rule ? ruleBody(rule, group.rows) : h("div", {class: "body"}, rowsOf(group.rows, true)));
	};
	const GROUPS = 200;
	const drawList = () => {
		const rows = wanted(), box = at("list");
		for (const tile of document.querySelectorAll(".tile"))
			tile.setAttribute("aria-pressed", String(state.levels.size === 1 && state.levels.has(Number(tile.dataset.level))));
		for (const check of document.querySelectorAll(".bar input[type=checkbox]"))
			check.checked = state.levels.has(Number(check.value));
		for (const line of document.querySelectorAll("tr[data-rule]"))
			line.className = Number(line.dataset.rule) === state.rule ? "on" : "";
		const chip = (text, change) => h("button", {type: "button", class: "chip", title: "remove this filter", onclick: () => { Object.assign(state, change); drawAlerts(); }}, text + " \u2715");
		show(at("chips"), h("span", {class: "note", role: "status"}, rows.length === alerts.length ? plural(rows.length, "alert") : number(rows.length) + " of " + plural(alerts.length, "alert")),
			state.rule != null && chip("rule " + ruleAt.get(state.rule).name, {rule: null}), state.device != null && chip("device " + state.device, {device: null}),
			state.from != null && chip(stamp(state.from) + " \u2013 " + clock(state.to), {from: null, to: null}));
		if (!rows.length)
			return show(box, h("p", {class: "soft"}, alerts.length ? "No alert fits these filters." : "There are no alerts."));
		if (state.group === "time")
			return show(box, h("div", {class: "card"}, rowsOf(rows.slice().sort((a, b) => a[TIME] - b[TIME]), true)));
		const list = groups(rows), boxes = list.slice(0, GROUPS).map(groupBox);
		show(box, boxes, list.length > GROUPS && h("p", {class: "note"}, number(list.length - GROUPS) + " more groups: narrow the filter."));
		if (list.length === 1 || (state.rule != null && state.group === "rule"))
			boxes[0].draw();
		if (rows.length === 1)
			for (const one of box.querySelectorAll("details.alert"))
				one.draw();
	};
	const drawAlerts = () => {
		if (at("list")) {
			at("group").value = state.group;
			at("text").value = state.text;
			return drawList();
		}
		let timer = 0;
		show(at("alerts"), h("h2", {}, "Alerts"), h("div", {class: "bar"},
			h("input", {type: "search", id: "text", placeholder: "Search rule, address, client id, user, topic", "aria-label": "Search alerts", oninput: event => {
				clearTimeout(timer);
				timer = setTimeout(() => { state.text = event.target.value; drawList(); }, alerts.length > 5000 ? 250 : 60);
			}}),
			[4, 3, 2, 1, 0].filter(l => total[l]).map(level => h("label", {}, h("input", {type: "checkbox", value: level, checked: true, onchange: event => {
				if (event.target.checked)
					state.levels.add(level);
				else
					state.levels.delete(level);
				drawList();
			}}), " " + LEVELS[level])),
			h("label", {}, "group by ", h("select", {id: "group", onchange: event => { state.group = event.target.value; drawList(); }}, h("option", {value: "rule"}, "rule"), h("option", {value: "device"}, "device"), h("option", {value: "time"}, "nothing: by time"))),
			h("span", {id: "chips"})), h("div", {id: "list"}));
		drawList();
	};

	/* --- devices ------------------------------------------------------------------------------------------------------------------ */

	const FACTS = [["client_ids", "Client ids"], ["users", "Users"], ["names", "Names"], ["protocols", "Protocols"], ["versions", "Versions"], ["other_protocols", "Protocols not read"], ["services", "Serves"],
		["servers", "Calls"], ["resources", "Topics and paths"], ["software", "Software"], ["ja3", "JA3"], ["ja4", "JA4"]];
	const deviceDetail = d => h("dl", {class: "kv"}, FACTS.filter(([kind]) => d[kind]).map(([kind, name]) => [h("dt", {}, name), h("dd", {}, d[kind].map((f, i) => [i ? ", " : "", h("code", {}, f.value), f.count > 1 && h("span", {class: "note"}, " \u00d7" + number(f.count))]),
		d.not_kept && d.not_kept[kind] ? h("span", {class: "note"}, ", others \u00d7" + number(d.not_kept[kind])) : "")]),
		d.flows ? [h("dt", {}, "Payload"), h("dd", {}, bytes(d.bytes_sent) + " sent in " + plural(d.packets_sent, "packet") + ", " + bytes(d.bytes_received) + " received in " + plural(d.packets_received, "packet") + ", " + plural(d.flows, "flow"))] : "");
	const drawDevices = () => {
		if (!devices.length)
			return;
		const ms = text => Date.parse(text.replace("+0000", "Z"));
		const row = ([i, l, m, hi, c, d]) => {
			const worst = [c, hi, m, l, i].findIndex(n => n), level = 4 - worst;
			const button = h("button", {type: "button", class: "link", "aria-expanded": "false", onclick: () => {
				const open = button.getAttribute("aria-expanded") === "true";
				button.setAttribute("aria-expanded", String(!open));
				if (open)
					return line.nextSibling.remove();
				line.after(h("tr", {}, h("td", {colspan: 7}, deviceDetail(d))));
			}}, deviceName(d));
			const line = h("tr", {}, h("td", {}, button, d.mac && h("div", {class: "note mono nowrap"}, d.mac + (d.mac_varies ? " and others" : ""))), h("td", {}, calledWhat(d), values(d, "users").length > 0 && h("div", {class: "note"}, "user " + listed(values(d, "users"), 2))),
				h("td", {}, listed([...values(d, "protocols"), ...values(d, "other_protocols")], 4)),
				h("td", {}, values(d, "services").length > 0 && h("div", {}, "serves " + listed(values(d, "services"), 2)), values(d, "servers").length > 0 && h("div", {}, "calls " + listed(values(d, "servers"), 2))),
				h("td", {class: "note nowrap"}, short(ms(d.first_seen)), h("br"), short(ms(d.last_seen))), h("td", {class: "n"}, number(d.events)),
				h("td", {}, worst < 0 ? "" : pill(level)));
			return line;
		};
		show(at("devices"), h("h2", {}, "Device inventory"), h("div", {class: "card"},
			table(["Device", "Name", "Protocols", "Connections", "First and last seen", "#Events", "Worst alert"], devices, 25, row),
			about.devices > devices.length && h("p", {class: "note"}, "This page lists " + number(devices.length) + " of " + plural(about.devices, "device") + ", those with alerts first; thingwarden inventory lists all."),
			about.devices_refused > 0 && h("p", {class: "note"}, "The table of devices was full: " + number(about.devices_refused) + " mentions of further addresses were not kept.")));
	};

	/* --- protocols, ciphers, coverage ------------------------------------------------------------------------------------------------ */

	const TIERS = {broken: [4, "broken"], weak: [2, "weak"], no_forward_secrecy: [1, "no forward secrecy"], constrained: [0, "constrained"], good: ["g", "good"]};
	const READING = ["read", "handshake only: encrypted", "not read"];
	const drawProtocols = () => {
		const of = kind => about.census.filter(row => row[0] === kind).map(row => row.slice(1));
		const rank = tier => ["broken", "weak", "no_forward_secrecy", "constrained", "good"].indexOf(tier);
		const suites = of("suite").sort((a, b) => rank(a[2]) - rank(b[2]) || b[3] - a[3]);
		if (!about.census.length)
			return;
		show(at("protocols"), h("h2", {}, "Protocols and cipher suites"), h("div", {class: "two"},
			h("div", {class: "card"}, h("h3", {}, "Cipher suites that servers chose"), suites.length ? table(["Tier", "Suite", "Version", "#Handshakes"], suites, TOP, ([name, version, tier, count]) => h("tr", {},
				h("td", {}, TIERS[tier] ? h("span", {class: "pill c" + TIERS[tier][0]}, TIERS[tier][1]) : tier), h("td", {class: "mono"}, name), h("td", {class: "nowrap"}, version), h("td", {class: "n"}, number(count)))) : h("p", {class: "note"}, "No TLS or DTLS handshake was seen.")),
			h("div", {class: "card"}, h("h3", {}, "Flows by protocol"), of("app").length ? table(["Protocol", "#Flows", "#Payload", "Contents"], of("app"), TOP, ([name, , , count, , size, reading]) => h("tr", {},
				h("td", {}, name), h("td", {class: "n"}, number(count)), h("td", {class: "n nowrap"}, bytes(size)), h("td", {class: reading ? "note" : ""}, READING[reading]))) : h("p", {class: "note"}, "No flows: these are logs."),
			of("version").length > 0 && [h("h3", {class: "more"}, "Versions"), h("p", {class: "note"}, of("version").map(([name, , , count]) => name + " \u00d7" + number(count)).join(", "))])));
	};
	const drawCoverage = () => {
		const c = name => counters.get(name) || 0, items = [];
		const item = (bad, title, text, some) => items.push(h("li", {}, h("span", {class: "pill c" + (bad ? 2 : some ? 1 : "g")}, bad ? "look" : some ? "note" : "fine"), " ", h("b", {}, title), " ", text));
		const share = n => about.flows ? " (" + (100 * n / about.flows).toFixed(n / about.flows < 0.1 ? 1 : 0) + " % of flows)" : "";
		item(about.faults, "Inputs.", about.faults ? plural(about.faults, "input was", "inputs were") + " damaged or could not be read: what is missing was not analysed." : "All were read to their end.");
		if (c("packets")) {
			item(about.dropped || c("truncated"), "Capture.", about.dropped || c("truncated") ? plural(about.dropped, "frame") + " dropped by the kernel, " + plural(c("truncated"), "frame") + " cut by the snap length." : "No frame was cut by the snap length.");
			item(c("gaps"), "TCP streams.", c("gaps") ? plural(c("gaps"), "hole") + ", " + bytes(c("gap_bytes")) + " lost: messages there were not seen." : "No holes.");
			item(c("flows_midstream") > about.flows / 10, "Beginnings.", plural(c("flows_midstream"), "TCP flow") + " joined half-way" + share(c("flows_midstream")) + ": their logins were not seen.", c("flows_midstream"));
			item(about.one_sided > about.flows / 4, "Both directions.", plural(about.one_sided, "flow") + " seen in one direction only" + share(about.one_sided) + ": unanswered, or half of the traffic passes elsewhere.", about.one_sided);
			item(false, "Encrypted.", plural(about.encrypted, "flow") + share(about.encrypted) + ": of TLS and DTLS only the handshake, resets, rates and silence are seen.", about.encrypted);
			item(about.unread > about.flows / 4, "Protocols not read.", plural(about.unread, "flow") + share(about.unread) + ", " + bytes(about.unread_bytes) + ": counted, named where possible, not looked into.", about.unread);
			item(c("undecoded") > c("packets") / 10, "Frames not decoded.", plural(c("undecoded"), "frame") + " of a type that is not decoded (ARP and the like), " + number(c("malformed")) + " malformed.");
			item(c("messages_bad"), "Messages refused by a parser.", c("messages_bad") ? number(c("messages_bad")) + ": broken, or an attack on parsers." : "None.");
		}
		if (c("log_lines"))
			item(c("log_unreadable") || c("log_cut"), "Logs.", plural(c("log_lines"), "line") + ", " + number(c("log_unreadable")) + " not understood, " + number(c("log_cut")) + " cut, " + number(c("log_ambiguous")) + " that fit more than one connection.", c("log_ambiguous"));
		const evicted = ["flows_evicted", "segments_evicted", "groups_evicted", "memos_evicted", "http_evicted", "log_sessions_evicted"].reduce((n, name) => n + c(name), 0);
		item(evicted, "Memory.", evicted ? number(evicted) + " states given up because tables were full: raise limits in the configuration." : "No state was given up.");
		item(about.not_kept, "This page.", about.not_kept ? plural(about.not_kept, "alert") + " beyond what a report holds: see the alert records." : alerts.length < all ? "Holds " + number(alerts.length) + " of " + plural(all, "alert") + ", the first of each rule; the others are counted and stand in the alert records." : "Holds every alert.");
		show(at("coverage"), h("h2", {}, "Coverage and blind spots"), h("div", {class: "two half"}, h("div", {class: "card"}, h("ul", {class: "plain"}, items)),
			h("div", {class: "card"}, h("h3", {}, "Inputs"), table(["Input", "#Records", "First and last"], files, TOP, f => h("tr", {}, h("td", {class: "mono"}, f[1], f[7] && h("div", {}, h("span", {class: "pill c2"}, "damaged"), " " + f[7])),
				h("td", {class: "n"}, number(f[3]) + (f[2] ? " log" : "")), h("td", {class: "note nowrap"}, f[3] ? [day(f[5]) + " " + clock(f[5]).slice(0, 8), h("br"), day(f[6]) + " " + clock(f[6]).slice(0, 8)] : ""))))),
		h("details", {class: "card more"}, h("summary", {}, "All counters"), table(["Counter", "#Value", "Meaning"], about.counters, 99, ([name, value, help]) => h("tr", {}, h("td", {class: "mono"}, name), h("td", {class: "n"}, number(value)), h("td", {}, help)))));
	};

	drawHead();
	drawSummary();
	drawTimeline();
	drawTables();
	drawAlerts();
	drawDevices();
	drawProtocols();
	drawCoverage();
	show(at("foot"), "Made by thingwarden " + about.version + " from its inputs alone: the same inputs give the same page. Nothing on it was fetched from elsewhere.");
	/* On paper a closed group says nothing: the first rows of each are printed; with all details while that is bearable. */
	addEventListener("beforeprint", () => {
		for (const box of document.querySelectorAll("details.group"))
			box.draw();
		const rows = document.querySelectorAll("details.alert");
		if (rows.length <= PAPER)
			for (const row of rows)
				row.draw();
	});
	show(at("nav"), [["summary", "What happened"], ["timeline", "When"], ["tables", "Rules and devices"], ["alerts", "Alerts"], ["devices", "Inventory"], ["protocols", "Protocols and ciphers"], ["coverage", "Coverage"]]
		.filter(([id]) => at(id).childNodes.length).map(([id, name]) => h("a", {href: "#" + id}, name)));
	document.documentElement.dataset.ready = "yes";
})();
