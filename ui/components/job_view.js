// One job, in the panel and on its own page. The server sends the parts that changed; see ui/job_page.py.
import { Bar, Chip, Icon, ago, clock, copy, count, duration, elapsed, isFinal, left, looks, momentOf, parse, pauseOf, setClock, spelled, steps, timeOf, waitWords } from "taskcast-ui";
import { defineComponent, h } from "vue";

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
const COLOURED = 24000, UNBROKEN = 16;   // a date with a word, which browsers break at its hyphens
export const Json = defineComponent({   // JSON in colours; always text nodes, however odd the text
  props: { value: Object },
  setup: (props) => () => {
    const { text, cut } = props.value, out = [], head = text.slice(0, COLOURED);
    let at = 0;
    if (!cut) for (const m of head.matchAll(TOKEN)) {
      if (m.index > at) out.push(head.slice(at, m.index));
      out.push(h("span", { class: m[1] ? (m[2] ? "k" : "s") : m[3] ? "w" : "n" }, m[1] || m[0]));
      at = m.index + (m[1] ? m[1].length : m[0].length);
    }
    out.push(text.slice(at));
    return h("div", [cut ? h("div", { class: "cut" }, [h(Icon, { name: "info" }), `Cut: it is ${cut} in all, this is its beginning.`]) : null, h("pre", { class: "code", tabindex: 0 }, out)]);
  },
});

export default {
  components: { Bar, Chip, Icon, Json },
  template: `
  <div class="jv" :data-job="id" :data-state="job?.status">
    <div class="p-h">
      <div><h2 :title="job?.type">{{ job ? job.type || 'unknown task' : missing ? 'No such job' : 'Job' }}</h2><span class="mono p-id">{{ id }}</span></div>
      <Chip v-if="job && wide" :state="job.status"/>
      <button v-if="!missing" class="ib" :aria-label="copied ? 'Link copied' : 'Copy link'" :title="copied ? 'Copied' : 'Copy link'" @click="share"><Icon :name="copied ? 'check' : 'link'"/></button>
      <a v-if="!wide" class="ib" :href="url" aria-label="Open as a page" title="Open as a page"><Icon name="maximize-2"/></a>
      <button v-if="!wide" class="ib" aria-label="Close" title="Close (Esc)" @click="shut"><Icon name="x"/></button>
      <template v-if="wide && job"><button v-if="retryable" class="btn" data-testid="another" title="A new job with other arguments" @click="$emit('act', 'another')"><Icon name="pencil"/>Run with other arguments</button><button v-if="retryable" class="btn" data-testid="retry" @click="$emit('act', 'retry')"><Icon name="rotate-ccw"/>Run again</button><button v-if="cancellable" class="btn danger" data-testid="cancel" :disabled="job.asked" @click="$emit('act', 'cancel')"><Icon :name="job.asked ? 'loader-circle' : 'x'" :class="{spin: job.asked}"/>{{ job.asked ? asking : 'Cancel' }}</button></template>
    </div>
    <div v-if="!job" class="p-b">
      <div v-if="missing" class="empty" style="grid-column: 1/-1"><Icon name="search"/><b>There is no job with this id</b><p>It may have been deleted because it was old, or the link is not complete.</p><a class="btn" :href="base + '/list'">All jobs</a></div>
      <div v-else-if="problem" class="empty" style="grid-column: 1/-1"><Icon name="triangle-alert"/><b>The job could not be loaded</b><p>{{ problem }}</p></div>
      <div v-else style="grid-column: 1/-1; display: grid; gap: 16px" aria-busy="true"><span class="bone" style="height: 34px; width: 45%"></span><span class="bone" style="height: 8px"></span><span class="bone" style="height: 150px"></span><span class="bone" style="height: 110px"></span></div>
    </div>
    <div v-else class="p-b" tabindex="-1">
      <div class="col-a">
        <div class="blk o1">
          <div class="big"><b v-if="big">{{ big }}</b><Chip v-else :state="job.status"/><span class="big-m" :title="line">{{ line }}</span><span class="r" v-if="job.status === 'running' && left(job) !== '—'">{{ spelled(left(job)) }} left</span></div>
          <Bar :row="job" big/>
          <div class="big-s"><Chip v-if="big && !wide" :state="job.status"/><span v-if="job.total">{{ count(job.done ?? 0) }} of {{ count(job.total) }} steps</span><span class="r num">{{ clockLine }}</span></div>
        </div>
        <div v-if="job.stuck" class="blk bare o2"><div class="note warn" role="status"><Icon name="triangle-alert"/><span><b>Looks stuck.</b> {{ job.stuck }}</span></div></div>
        <div v-if="waiting" class="blk bare o2"><div class="note warn" role="status"><Icon :name="job.held ? 'gauge' : 'circle-pause'"/><span>{{ waiting }}</span></div></div>
        <div v-if="cancel" class="blk bare o2"><div class="steps3" role="list" aria-label="Cancel"><div v-for="s in phases" :key="s.t" role="listitem" :class="{done: s.at}"><b><Icon :name="s.at ? 'check' : s.icon"/>{{ s.t }}</b><small>{{ s.x }}</small></div></div></div>
        <div v-if="error" class="blk bare o2"><div class="err" :class="{soft: !error.final}" role="group" aria-label="Error">
          <div class="err-h"><Icon name="circle-alert"/><div style="min-width: 0"><b class="mono">{{ error.type }}{{ error.code ? ' (' + error.code + ')' : '' }}</b><p>{{ error.message }}</p><small>{{ error.reason }}</small></div></div>
          <pre v-if="error.trace && trace" class="trace" tabindex="0">{{ error.trace }}</pre>
          <div v-if="error.trace" style="display: flex; padding: 6px 8px; border-top: 1px solid var(--line-soft)"><button class="mini" :aria-expanded="String(trace)" @click="trace = !trace"><Icon :name="trace ? 'chevron-up' : 'chevron-down'"/>{{ trace ? 'Hide' : 'Show' }} stack trace</button><button class="mini" @click="copy(error.trace)"><Icon name="copy"/>Copy</button></div>
        </div></div>
        <div v-if="result" class="blk o3" data-testid="result"><div class="sec">Result<span v-if="result.text === 'null'" class="sub">the task returned nothing</span><button v-if="parts" class="mini" :aria-expanded="String(raw)" @click="raw = !raw"><Icon :name="raw ? 'chevron-up' : 'chevron-down'"/>{{ raw ? 'Hide' : 'Show' }} JSON</button><button class="mini" @click="copy(result.text)"><Icon name="copy"/>Copy</button></div>
          <template v-if="parts">
            <p v-if="result.summary" class="rs-s">{{ result.summary }}</p>
            <dl v-if="result.figures.length" class="rs-f"><div v-for="(f, i) in result.figures" :key="i" :class="f.tone"><dt>{{ f.label }}</dt><dd class="num">{{ f.value }}<small v-if="f.unit">{{ f.unit }}</small></dd></div></dl>
            <ul v-if="result.files.length" class="rs-l"><li v-for="f in result.files" :key="f.id"><Icon name="file-text"/><span><b>{{ f.name }}</b><small v-if="f.size != null">{{ bytes(f.size) }}</small></span><a v-if="f.opens" class="btn" :href="fileUrl(f, true)" target="_blank" rel="noopener"><Icon name="external-link"/>Open</a><a class="btn" :href="fileUrl(f, false)" download><Icon name="download"/>Download</a></li></ul>
            <section v-for="(t, i) in result.tables" :key="'t' + i" class="rs-t"><h4 v-if="t.title">{{ t.title }}<small v-if="t.total > t.rows.length">{{ count(t.rows.length) }} of {{ count(t.total) }}</small></h4><div class="rs-x" tabindex="0" role="region" :aria-label="t.title"><table><thead><tr><th v-for="(c, n) in t.columns" :key="n" :class="{r: c[1]}">{{ c[0] }}</th></tr></thead><tbody><tr v-for="(row, r) in t.rows" :key="r"><td v-for="(cell, n) in row" :key="n" :class="{r: t.columns[n][1], num: t.columns[n][1], nb: cell.length <= UNBROKEN}">{{ cell }}</td></tr></tbody></table></div></section>
          </template>
          <Json v-if="!parts || raw" :value="result"/></div>
        <div v-if="attempts.length" class="blk o5"><div class="sec">Attempts<span class="sub">{{ attempts.length > 1 ? attempts.length : '' }}</span></div><ol class="att"><li v-for="a in tries" :key="a.n" :data-attempt="a.n">
          <div class="att-h"><b class="num">{{ a.n }}</b><span v-if="a.state === 'retrying'" class="chip warn"><Icon name="circle-x"/>Failed</span><Chip v-else-if="known(a.state)" :state="a.state"/><span v-else class="tag">{{ a.reason || a.state }}</span><span class="num">{{ span(a) }}</span><button class="mini" @click="logs(a.n)"><Icon name="terminal"/>Logs</button></div>
          <p class="att-w"><span class="mono">{{ a.worker || 'no worker' }}</span><span v-if="a.process">{{ a.process }}</span><span v-if="a.waited != null">waited {{ spelled(duration(a.waited)) }}</span></p>
          <p v-if="a.error" class="att-e mono">{{ a.error }}</p><p v-if="a.reason && known(a.state)" class="att-w"><span>{{ a.reason }}</span></p>
          <button v-if="a.trace" class="mini" :aria-expanded="String(shown === a.n)" @click="shown = shown === a.n ? 0 : a.n"><Icon :name="shown === a.n ? 'chevron-up' : 'chevron-down'"/>{{ shown === a.n ? 'Hide' : 'Show' }} stack trace</button><pre v-if="a.trace && shown === a.n" class="trace" tabindex="0">{{ a.trace }}</pre>
        </li></ol></div>
        <div class="blk bare o6"><slot></slot></div>
      </div>
      <div class="col-b">
        <dl class="kv o4 blk-kv"><div v-for="f in facts" :key="f[0]" :class="{wide: f[1].length > 40}"><dt>{{ f[0] }}</dt><dd :class="f[2]">{{ f[1] }}</dd></div></dl>
        <div class="blk o5"><div class="sec">Timeline</div><ol class="tl"><li v-for="(t, i) in timeline" :key="t.title + t.at + i" :class="{now: t.now}" :style="{'--c': 'var(--' + t.tone + ')'}"><b>{{ t.title }}</b><span>{{ t.text }}</span><time :title="new Date(t.at).toLocaleString('en-GB')">{{ t.at > clock.now + 1500 ? spelled(ago(t.at)) : momentOf(t.at) }}</time></li></ol></div>
        <div v-if="args" class="blk o7"><div class="sec">Arguments<button class="mini" @click="copy(args.text)"><Icon name="copy"/>Copy</button></div><Json :value="args"/></div>
      </div>
    </div>
    <div v-if="job && !wide && (may.retry || may.cancel)" class="p-f">
      <button v-if="retryable" class="btn" data-testid="another" title="A new job with other arguments" @click="$emit('act', 'another')"><Icon name="pencil"/>Other arguments</button>
      <button v-if="retryable" class="btn" data-testid="retry" @click="$emit('act', 'retry')"><Icon name="rotate-ccw"/>Run again</button>
      <button v-if="cancellable" class="btn danger last" data-testid="cancel" :disabled="job.asked" @click="$emit('act', 'cancel')"><Icon :name="job.asked ? 'loader-circle' : 'x'" :class="{spin: job.asked}"/>{{ job.asked ? asking : 'Cancel' }}</button>
    </div>
  </div>`,
  props: { id: String, url: String, base: String, wide: Boolean, may: Object, initial: String },
  emits: ["act"],
  data() { return { job: null, facts: [], timeline: [], args: null, result: null, error: null, cancel: null, attempts: [], shown: 0, raw: false, missing: false, problem: null, copied: false, trace: this.wide, clock, UNBROKEN }; },
  created() { if (this.initial) this.patch(this.initial); },
  computed: {
    done() { return isFinal(this.job.status); },
    parts() { return !!this.result?.tables; },
    retryable() { return this.may.retry && this.done; },
    cancellable() { return this.may.cancel && !this.done; },
    asking() { return this.cancel?.seen ? "Stopping…" : "Cancel requested"; },
    big() { return this.job.percent != null && this.job.status !== "queued" && this.job.status !== "scheduled" ? Math.floor(this.job.percent) + "%" : ""; },
    line() {
      const j = this.job;
      return { queued: waitWords(j).replace(/^Waits/, "waits"), scheduled: j.due ? "due " + spelled(ago(j.due)) : "waits for its time", retrying: j.due ? "tries again " + (j.due > clock.now ? spelled(ago(j.due)) : "now") : "tries again", cancelled: "", failed: j.message || "" }[j.status] ?? (steps(j, false) || (j.status === "running" ? "working…" : ""));
    },
    waiting() { const p = this.job.status === "queued" && (pauseOf(this.job) || this.job.held); return p ? waitWords(this.job) + (this.job.held ? "." : "; the job waits until it goes on.") : ""; },
    tries() { return [...this.attempts].reverse(); },
    clockLine() {
      const j = this.job, e = elapsed(j);
      return j.status === "running" ? `running for ${spelled(e)}` : this.done ? (e === "—" ? "" : `took ${spelled(e)}`) : `created ${spelled(ago(j.created))}`;
    },
    phases() {
      const c = this.cancel, at = (ms) => (ms ? timeOf(ms) : "");
      return [
        { t: "Requested", at: c.asked, icon: "ban", x: [at(c.asked), c.by].filter(Boolean).join(" ") },
        { t: "Seen", at: c.seen || c.stopped, icon: "loader-circle", x: [at(c.seen), c.worker && "by " + c.worker].filter(Boolean).join(" ") || (c.stopped ? "" : "waits for the worker") },
        { t: "Stopped", at: c.stopped, icon: "square", x: c.stopped ? `${at(c.stopped)}${c.ended && c.ended !== "Cancelled" ? ", it had ended: " + c.ended.toLowerCase() : ""}` : "not yet" },
      ];
    },
  },
  watch: { job: { immediate: true, deep: false, handler(job) { if (this.wide && job?.type) document.title = `${job.type} · Taskcast`; } } },
  methods: {
    ago, copy, count, left, momentOf, duration, spelled,
    patch(text) {
      const p = parse(text);
      if (p.now) setClock(p.now);
      for (const key of ["job", "facts", "timeline", "result", "error", "cancel", "attempts", "missing", "problem"]) if (key in p) this[key] = p[key];
      if ("arguments" in p) this.args = p.arguments;
      if (p.missing) this.job = null;
    },
    async share() { this.copied = await copy(location.origin + (window.path_prefix || "") + this.url); setTimeout(() => (this.copied = false), 1800); },
    known: (state) => state in looks.states,
    bytes(n) { return n < 1000 ? n + " bytes" : n < 1e6 ? (n / 1e3).toFixed(1) + " KB" : (n / 1e6).toFixed(1) + " MB"; },
    fileUrl(f, open) { return `/admin/files/${f.id}?name=${encodeURIComponent(f.name)}${open ? "&open=1" : ""}`; },
    span(a) { return [momentOf(a.started), a.ended && a.ended - (a.started || 0) >= 1000 ? "to " + momentOf(a.ended) : "", a.took != null ? "· " + spelled(duration(a.took)) : ""].filter(Boolean).join(" "); },
    logs(attempt) { window.dispatchEvent(new CustomEvent("taskcast:attempt", { detail: { root: this.$el, attempt } })); },
    shut() { window.dispatchEvent(new CustomEvent("taskcast:close")); },
  },
};
