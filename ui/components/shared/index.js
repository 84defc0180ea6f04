// What the components share: the looks of states (from ui/looks.py), times, and the smallest parts. Texts of jobs only
// ever become text nodes here and in all components.
import { defineComponent, h, reactive } from "vue";

export const looks = JSON.parse(document.getElementById("taskcast-looks").textContent);
export const isFinal = (state) => looks.final.includes(state);

// One clock for the page: the server's, ticking once a second.
export const clock = reactive({ now: Date.now(), skew: 0 });
export function setClock(serverNow) {
  if (!serverNow) return;
  clock.skew = serverNow - Date.now();
  clock.now = serverNow;
}
setInterval(() => (clock.now = Date.now() + clock.skew), 1000);

export const parse = (text) => (typeof text === "string" ? JSON.parse(text) : text);

export function duration(ms) {
  if (ms == null || !Number.isFinite(ms)) return "—";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)}s`;
  if (s < 60) return `${Math.round(s)}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(Math.floor(s % 60)).padStart(2, "0")}s`;
  if (s < 172800) return `${Math.floor(s / 3600)}h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}
// The same as a sentence writes it, for places with room: 2m 05s becomes 2 min 05 s.
export const spelled = (text) => text.replace(/(\d)(ms|[smhd])(?=\s|$)/g, (_, n, unit) => `${n} ${unit === "m" ? "min" : unit}`);
const whole = (ms) => duration(Math.floor(Math.max(0, ms) / 1000) * 1000 || 0).replace("0ms", "0s").replace(/\.0s$/, "s");
export const elapsed = (row) => (row.ended != null && row.took != null ? duration(row.took) : row.status === "running" && row.started ? whole(clock.now - row.started) : row.took != null && isFinal(row.status) ? duration(row.took) : "—");

export function left(row) {
  if (row.status !== "running") return "—";
  if (row.eta) return whole(row.eta - clock.now);
  const ran = clock.now - row.started;
  if (!row.started || !row.percent || row.percent < 1 || ran < 2000) return "—";
  return "~" + whole((ran / row.percent) * (100 - row.percent));
}
export function ago(ms) {
  if (ms == null) return "—";
  const s = Math.round((clock.now - ms) / 1000);
  if (s < -1) return "in " + whole(-s * 1000);   // a second is less than two clocks differ
  if (s < 5) return "now";
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ago`;
  return new Date(ms).toLocaleDateString("en", { month: "short", day: "numeric" });
}
export function until(ms) {   // an end that is still to come: its time, and how far off it is
  if (ms == null) return "";
  const d = new Date(ms), near = new Date(clock.now).toDateString() === d.toDateString();
  const time = `${pad(d.getHours())}:${pad(d.getMinutes())}`;
  const day = near ? "" : d.toLocaleDateString("en", { day: "numeric", month: "short" }) + ", ";
  return `until ${day}${time}` + (ms > clock.now ? ` (${ago(ms)})` : "");
}
const pad = (n, w = 2) => String(n).padStart(w, "0");
export function timeOf(ms, millis = false) {
  if (ms == null) return "";
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}${millis ? "." + pad(d.getMilliseconds(), 3) : ""}`;
}
export function momentOf(ms) {
  if (ms == null) return "";
  const d = new Date(ms);
  const today = new Date(clock.now).toDateString() === d.toDateString();
  return (today ? "" : `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} `) + timeOf(ms);
}
export const count = (n) => (n == null ? "—" : Number(n).toLocaleString("en"));
const MADE = /^[0-9a-f]{8}-[0-9a-f]{4}-7/;
export const short = (id) => (MADE.test(id) ? id.slice(-12, -4) : id.length > 26 ? id.slice(0, 25) + "…" : id);

export const Icon = (props) => h("i", { class: ["i", "i-" + props.name], "aria-hidden": "true" });
Icon.props = ["name"];

export const Chip = defineComponent({
  props: { state: String },
  setup: (props) => () => {
    const look = looks.states[props.state] || { label: props.state, tone: "idle", icon: "circle-alert" };
    const mark = look.turns ? h("i", { class: "ring", "aria-hidden": "true" }) : h(Icon, { name: look.icon });
    return h("span", { class: "chip", style: { "--c": `var(--${look.tone})`, "--s": `var(--${look.tone}-soft)` } }, [mark, look.label]);
  },
});

export const Bar = defineComponent({
  props: { row: Object, big: Boolean },
  setup: (props) => () => {
    const { percent, status } = props.row;
    const open = percent == null && status === "running";
    const width = percent == null ? (isFinal(status) ? 1 : 0) : percent / 100;
    return h(
      "div",
      { class: ["bar", status, { open, "bar-xl": props.big }], role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent == null ? undefined : Math.floor(percent) },
      [h("i", { style: { transform: `scaleX(${width})` } })],
    );
  },
});

export function steps(row, counted = true) {
  const parts = [];
  if (row.total && counted) parts.push(`${count(row.done ?? 0)}/${count(row.total)}`);
  if (row.step && row.step !== row.message) parts.push(row.step);
  if (row.message) parts.push(row.message);
  return parts.join(" · ");
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    area.style.position = "fixed";
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

// The connection as the whole page knows it; set by the pill.
export const link = reactive({ browser: "live", gateway: "reconnecting" });

// What is paused now, by name; set by the pill in the head, so that every list can say it beside the jobs that wait for it.
export const paused = reactive({ queues: {}, tasks: {} });
export const pauseOf = (row) => paused.queues[row.queue] || paused.tasks[row.type] || null;
export function pauseWords(p) {
  return [p.by && `by ${p.by}`, p.reason && `“${p.reason}”`, until(p.until)].filter(Boolean).join(" · ");
}
export function waitWords(row) {
  if (paused.queues[row.queue]) return `Queue ${row.queue} is paused`;
  if (paused.tasks[row.type]) return `Task ${row.type} is paused`;
  return row.held || "Waits for a worker";
}
