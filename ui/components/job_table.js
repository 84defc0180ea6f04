// The live table of jobs. reset(rows) once, then patch({set: {id: changed fields}, del: [ids], ...}) at most ten times a
// second. Elapsed time and ETA tick here and cost no traffic; each row is a component, so that only changed rows render.
import { Bar, Chip, Icon, ago, clock, count, duration, elapsed, isFinal, left, looks, momentOf, parse, pauseOf, setClock, short, steps, waitWords } from "taskcast-ui";
import { defineComponent } from "vue";

const JobRow = defineComponent({
  components: { Bar, Chip, Icon },
  props: { r: Object, list: Boolean, dead: Boolean, selected: Boolean, may: Object },
  emits: ["open", "act"],
  template: `
  <div class="jt-r jt-row" :class="{sel: selected}" role="row" tabindex="0" :data-job="r.id" :data-state="r.status" @click="$emit('open', r.id)" @keydown.enter.self="$emit('open', r.id)" @keydown.down.prevent="go($event, 1)" @keydown.up.prevent="go($event, -1)">
    <div class="jt-name" role="cell"><b :title="r.type">{{ r.type || 'unknown task' }}</b><small><span class="mono" :title="r.id">{{ short(r.id) }}</span><span class="tag">{{ r.queue }}</span><span v-if="r.attempt > 1" :class="{hot: r.errors}">try {{ r.attempt }}{{ r.max > 1 ? '/' + r.max : '' }}</span><span v-if="r.stuck" class="hot stuck" :title="r.stuck"><Icon name="triangle-alert"/>Stuck</span></small></div>
    <div class="jt-s" role="cell"><Chip :state="r.status"/></div>
    <div v-if="bar" class="pg" role="cell">
      <div class="pg-t"><span :title="steps(r)">{{ r.asked ? 'Cancel requested…' : r.stuck ? 'Stuck: ' + r.stuck : steps(r) || (r.percent == null ? 'Working…' : '') }}</span><b>{{ r.percent == null ? '' : Math.floor(r.percent) + '%' }}<em v-if="r.status === 'running' && left(r) !== '—'"> · {{ left(r) }}</em></b></div>
      <Bar :row="r"/>
    </div>
    <div v-else class="out" :class="tone" role="cell" :title="outcome"><span v-if="dead" class="tag why">{{ looks.dead_letters[r.reason] || r.reason }}</span>{{ outcome }}</div>
    <template v-if="list">
      <div class="jt-p t" role="cell" :class="'pr-' + r.priority">{{ looks.priorities[r.priority] || '' }}</div>
      <div class="jt-e t r" role="cell" :title="momentOf(r.created)">{{ ago(r.created) }}</div>
    </template>
    <template v-else>
      <div class="jt-e t r" role="cell">{{ left(r) }}</div>
      <div class="jt-w t mono" role="cell" :title="r.worker">{{ r.worker || '—' }}</div>
    </template>
    <div class="jt-a t r" role="cell">{{ elapsed(r) }}</div>
    <div class="acts" role="cell">
      <button v-if="may.retry && done && dead" class="btn" @click.stop="$emit('act', 'retry', r)"><Icon name="rotate-ccw"/>Send again</button>
      <button v-else-if="may.retry && done" aria-label="Run again" title="Run again" @click.stop="$emit('act', 'retry', r)"><Icon name="rotate-ccw"/></button>
      <button v-if="may.cancel && !done && !r.asked" aria-label="Cancel" title="Cancel" @click.stop="$emit('act', 'cancel', r)"><Icon name="x"/></button>
    </div>
  </div>`,
  computed: {
    looks: () => looks,
    done() { return isFinal(this.r.status); },
    bar() { return this.r.status === "running" || (!this.list && this.r.status === "completed"); },
    tone() { return this.r.status === "failed" ? "bad" : this.r.status === "retrying" || (this.r.status === "queued" && (pauseOf(this.r) || this.r.held)) ? "warn" : ""; },
    outcome() {
      const r = this.r;
      if (r.status === "failed") return r.error || looks.final_reasons[r.reason] || "Failed";
      if (r.status === "retrying") return (r.due ? `Tries again ${r.due > clock.now ? ago(r.due) : "now"}` : "Tries again") + (r.error ? ` · ${r.error}` : "");
      if (r.status === "scheduled") return r.due ? `Due ${ago(r.due)}` : "Waits for its time";
      if (r.status === "queued") return waitWords(r);
      if (r.status === "completed") return r.message || "Done";
      return r.cause ? `Cancelled ${r.cause}` : "";
    },
  },
  methods: { ago, duration, elapsed, left, momentOf, short, steps, go(event, by) { let row = event.currentTarget; do row = by > 0 ? row.nextElementSibling : row.previousElementSibling; while (row && !row.classList.contains("jt-row")); row?.focus(); } },
});

export default {
  components: { Icon, JobRow },
  template: `
  <div>
    <div v-if="unseen" class="note" style="margin: 10px 10px 2px" role="status"><Icon name="info"/><span>{{ count(unseen) }} new {{ unseen === 1 ? 'job' : 'jobs' }} since this search.</span><button class="btn" type="button" @click="$emit('again')">Search again</button></div>
    <div class="jt" :class="{list, dead}" role="table" :aria-label="label" :aria-busy="!loaded">
      <div v-if="rows.length || !loaded" class="jt-r jt-head" role="row">
        <span role="columnheader">Job</span><span role="columnheader" class="jt-s">Status</span><span role="columnheader">{{ dead ? 'Why it failed' : list ? 'Progress or outcome' : 'Progress' }}</span>
        <template v-if="list"><span role="columnheader" class="jt-p t">Priority</span><span role="columnheader" class="jt-e t r">Created</span></template>
        <template v-else><span role="columnheader" class="jt-e t r">ETA</span><span role="columnheader" class="jt-w">Worker</span></template>
        <span role="columnheader" class="jt-a t r">{{ list ? 'Took' : 'Elapsed' }}</span><span role="columnheader"><span class="vh">Actions</span></span>
      </div>
      <TransitionGroup name="row" tag="div" class="jt-body" role="rowgroup" :css="rows.length < 80">
        <JobRow v-for="r in shown" :key="r.id" :r="r" :list="list" :dead="dead" :selected="r.id === selected" :may="may" @open="open" @act="(what, row) => $emit('act', what, row.id)"/>
      </TransitionGroup>
      <template v-if="!loaded"><div v-for="n in 4" :key="n" class="jt-r"><span class="bone" style="height: 13px; width: 60%"></span><span class="bone" style="height: 20px; width: 84px"></span><span class="bone" style="height: 8px"></span><span class="bone jt-e" style="height: 12px"></span><span class="bone jt-w" style="height: 12px"></span></div></template>
    </div>
    <div v-if="loaded && !rows.length" class="empty"><Icon :name="problem ? 'triangle-alert' : empty.icon"/><b>{{ problem ? 'The jobs could not be loaded' : empty.title }}</b><p>{{ problem || empty.text }}</p></div>
    <div v-if="loaded && rows.length && (list || hidden)" class="more"><span class="num">{{ footer }}</span><button v-if="hasMore" class="btn" :disabled="loading" @click="more"><Icon :name="loading ? 'loader-circle' : 'chevron-down'" :class="{spin: loading}"/>Load more</button></div>
  </div>`,
  props: { initial: String, list: Boolean, dead: Boolean, label: String, may: Object, empty: Object },
  emits: ["open", "act", "more", "again", "seen"],
  data: () => ({ rows: [], loaded: false, problem: "", total: null, hasMore: false, loading: false, selected: null, mode: "all", unseen: 0 }),
  created() { this.byId = new Map(); if (this.initial) this.reset(this.initial); },
  mounted() {
    this.spot = (event) => { this.selected = event.detail || null; };
    window.addEventListener("taskcast:selected", this.spot);
    this.onScroll = () => { clearTimeout(this.timer); this.timer = setTimeout(this.look, 120); };
    this.scroller = this.$el.closest(".scroll");
    this.scroller?.addEventListener("scroll", this.onScroll, { passive: true });
    window.addEventListener("resize", this.onScroll);
    this.selected = new URLSearchParams(location.search).get("job");
  },
  unmounted() { window.removeEventListener("taskcast:selected", this.spot); this.scroller?.removeEventListener("scroll", this.onScroll); window.removeEventListener("resize", this.onScroll); clearTimeout(this.timer); },
  computed: {
    picked() { return this.mode === "all" ? this.rows : this.rows.filter((r) => (this.mode === "retrying" ? r.status === "retrying" : r.status === "running" && r.started && clock.now - r.started > 60000)); },
    shown() { return this.list ? this.picked : this.picked.slice(0, 100); },
    hidden() { return this.picked.length - this.shown.length; },
    footer() {
      if (this.hidden) return `${count(this.hidden)} more are running`;
      const total = this.total == null ? null : typeof this.total === "number" ? count(Math.max(this.total, this.rows.length)) : `more than ${count(this.total.at_least)}`;
      return total ? `${count(this.rows.length)} of ${total}` : `${count(this.rows.length)} jobs`;
    },
  },
  methods: {
    count,
    reset(text) {
      const p = parse(text);
      setClock(p.now);
      this.byId = new Map();
      this.rows = [];
      this.info(p);
      this.change(p);
    },
    patch(text) { const p = parse(text); this.info(p); this.change(p); },
    info(p) { for (const key of ["loaded", "problem", "total", "hasMore", "unseen"]) if (key in p) this[key] = p[key]; if ("hasMore" in p) this.loading = false; },
    change(p) {
      let order = false;
      for (const [id, fields] of Object.entries(p.set || {})) {
        const row = this.byId.get(id);
        if (row) { order ||= "created" in fields || "started" in fields; Object.assign(row, fields); }
        else if ("type" in fields) { this.rows.push({ ...fields }); this.byId.set(id, this.rows[this.rows.length - 1]); order = true; }
      }
      if (p.del?.length) { const gone = new Set(p.del); for (const id of gone) this.byId.delete(id); this.rows = this.rows.filter((r) => !gone.has(r.id)); order = true; }
      if (order) {
        const key = this.list ? "created" : "started";
        this.rows.sort((a, b) => (b[key] || 0) - (a[key] || 0) || (a.id < b.id ? 1 : -1));
        for (const row of this.rows) this.byId.set(row.id, row);
        this.onScroll?.();
      }
    },
    filter(mode) { this.mode = mode; },
    open(id) { this.selected = id; this.$emit("open", id); },
    more() { this.loading = true; this.$emit("more"); },
    look() {   // tells which rows are in view, when not all are
      if (!this.scroller) return;
      const box = this.scroller.getBoundingClientRect(), seen = [];
      for (const el of this.$el.querySelectorAll(".jt-row")) { const r = el.getBoundingClientRect(); if (r.bottom > box.top - 100 && r.top < box.bottom + 100) seen.push(el.dataset.job); }
      this.$emit("seen", seen.length === this.rows.length ? null : seen);
    },
  },
};
